// Writes the /etc/hosts of a pod with a subdomain, as a kubelet does it: pod-hosts FILE FQDN HOSTNAME [LINE...]
// The pod's addresses come, with commas between, in POD_IPS; lines are those of the pod's host aliases. Runs in the
// pod's first init container, within whatever memory that pod has. Standard library only: `go build pod-hosts.go`.
package main

import (
	"os"
	"strings"
)

const header = "# Kubernetes-managed hosts file.\n" +
	"127.0.0.1\tlocalhost\n" +
	"::1\tlocalhost ip6-localhost ip6-loopback\n" +
	"fe00::0\tip6-localnet\n" +
	"fe00::0\tip6-mcastprefix\n" +
	"fe00::1\tip6-allnodes\n" +
	"fe00::2\tip6-allrouters\n"

func main() {
	if len(os.Args) < 4 || os.Getenv("POD_IPS") == "" {
		fail("usage: POD_IPS=ADDRESS[,ADDRESS] pod-hosts FILE FQDN HOSTNAME [LINE...]")
	}
	file, fqdn, hostname, aliases := os.Args[1], os.Args[2], os.Args[3], os.Args[4:]
	var text strings.Builder
	text.WriteString(header)
	for _, address := range strings.Split(os.Getenv("POD_IPS"), ",") {
		text.WriteString(address + "\t" + fqdn + "\t" + hostname + "\n")
	}
	if len(aliases) > 0 {
		text.WriteString("\n# Entries added by HostAliases.\n" + strings.Join(aliases, "\n") + "\n")
	}
	if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
		fail(err.Error())
	}
	// All users of the pod read it, whatever the umask.
	if err := os.Chmod(file, 0o644); err != nil {
		fail(err.Error())
	}
}

func fail(text string) {
	os.Stderr.WriteString("pod-hosts: " + text + "\n")
	os.Exit(1)
}
