// A CSI driver of the test bed for inline volumes: csi-driver --name NAME --node NODE. It registers itself with the
// kubelet whose /var/lib/kubelet it sees. A volume is memory that lives as long as its pod; in its file given.json is
// what the kubelet told the driver, so that a pod can read it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"log"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

const (
	kubelet = "/var/lib/kubelet"
	// Set by the kubelet where the CSIDriver has podInfoOnMount: this tells an inline volume from one of a claim.
	ephemeralKey = "csi.storage.k8s.io/ephemeral"
)

type driver struct {
	csi.UnimplementedIdentityServer
	csi.UnimplementedNodeServer
	registration.UnimplementedRegistrationServer
	name, node, socket string
}

// What a volume's given.json holds.
type given struct {
	VolumeID   string            `json:"volumeID"`
	Attributes map[string]string `json:"attributes"`
	Secrets    map[string]string `json:"secrets"`
	ReadOnly   bool              `json:"readOnly"`
}

func main() {
	name := flag.String("name", "", "the driver's name")
	node := flag.String("node", "", "the node's name")
	flag.Parse()
	if *name == "" || *node == "" {
		log.Fatal("usage: csi-driver --name NAME --node NODE")
	}
	d := &driver{name: *name, node: *node, socket: filepath.Join(kubelet, "plugins", *name, "csi.sock")}
	server := grpc.NewServer()
	csi.RegisterIdentityServer(server, d)
	csi.RegisterNodeServer(server, d)
	registrar := grpc.NewServer()
	registration.RegisterRegistrationServer(registrar, d)
	failed := make(chan error)
	// The kubelet finds the registrar's socket and calls the driver's at once.
	listener := listen(d.socket)
	go func() { failed <- server.Serve(listener) }()
	registrarListener := listen(filepath.Join(kubelet, "plugins_registry", *name+"-reg.sock"))
	go func() { failed <- registrar.Serve(registrarListener) }()
	log.Fatal(<-failed)
}

func listen(socket string) net.Listener {
	if err := os.MkdirAll(filepath.Dir(socket), 0o750); err != nil {
		log.Fatal(err)
	}
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		log.Fatal(err)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("listening at %s", socket)
	return listener
}

func (d *driver) GetInfo(context.Context, *registration.InfoRequest) (*registration.PluginInfo, error) {
	return &registration.PluginInfo{
		Type: registration.CSIPlugin, Name: d.name, Endpoint: d.socket, SupportedVersions: []string{"1.0.0"},
	}, nil
}

// A kubelet that could not register the driver tries again by itself.
func (d *driver) NotifyRegistrationStatus(
	_ context.Context, s *registration.RegistrationStatus,
) (*registration.RegistrationStatusResponse, error) {
	log.Printf("registered: %v %s", s.PluginRegistered, s.Error)
	return &registration.RegistrationStatusResponse{}, nil
}

func (d *driver) GetPluginInfo(context.Context, *csi.GetPluginInfoRequest) (*csi.GetPluginInfoResponse, error) {
	return &csi.GetPluginInfoResponse{Name: d.name, VendorVersion: "1"}, nil
}

func (d *driver) GetPluginCapabilities(
	context.Context, *csi.GetPluginCapabilitiesRequest,
) (*csi.GetPluginCapabilitiesResponse, error) {
	return &csi.GetPluginCapabilitiesResponse{}, nil
}

func (d *driver) Probe(context.Context, *csi.ProbeRequest) (*csi.ProbeResponse, error) {
	return &csi.ProbeResponse{}, nil
}

func (d *driver) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	return &csi.NodeGetInfoResponse{NodeId: d.node}, nil
}

func (d *driver) NodeGetCapabilities(
	context.Context, *csi.NodeGetCapabilitiesRequest,
) (*csi.NodeGetCapabilitiesResponse, error) {
	return &csi.NodeGetCapabilitiesResponse{}, nil
}

func (d *driver) NodePublishVolume(
	_ context.Context, r *csi.NodePublishVolumeRequest,
) (*csi.NodePublishVolumeResponse, error) {
	if r.VolumeContext[ephemeralKey] != "true" {
		return nil, status.Error(codes.InvalidArgument, "only inline volumes are supported")
	}
	if err := publish(r.TargetPath, given{r.VolumeId, r.VolumeContext, r.Secrets, r.Readonly}); err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	log.Printf("published %s at %s", r.VolumeId, r.TargetPath)
	return &csi.NodePublishVolumeResponse{}, nil
}

func publish(target string, g given) error {
	if mounted, err := isMounted(target); mounted || err != nil {
		return err
	}
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", target, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "size=16m,mode=0777"); err != nil {
		return err
	}
	err := fill(target, g)
	if err != nil {
		// A call that is repeated must not find half of a volume.
		return errors.Join(err, syscall.Unmount(target, 0))
	}
	return nil
}

func fill(target string, g given) error {
	text, err := json.Marshal(g)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(target, "given.json"), text, 0o444); err != nil {
		return err
	}
	if !g.ReadOnly {
		return nil
	}
	return syscall.Mount("", target, "", syscall.MS_REMOUNT|syscall.MS_RDONLY|syscall.MS_NOSUID|syscall.MS_NODEV, "")
}

func (d *driver) NodeUnpublishVolume(
	_ context.Context, r *csi.NodeUnpublishVolumeRequest,
) (*csi.NodeUnpublishVolumeResponse, error) {
	mounted, err := isMounted(r.TargetPath)
	if err == nil && mounted {
		err = syscall.Unmount(r.TargetPath, 0)
	}
	if err == nil {
		if err = os.Remove(r.TargetPath); errors.Is(err, os.ErrNotExist) {
			err = nil
		}
	}
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	log.Printf("unpublished %s at %s", r.VolumeId, r.TargetPath)
	return &csi.NodeUnpublishVolumeResponse{}, nil
}

// Whether another file system begins at a directory; not where there is none.
func isMounted(directory string) (bool, error) {
	var own, parent syscall.Stat_t
	if err := syscall.Stat(directory, &own); err != nil {
		if errors.Is(err, syscall.ENOENT) {
			return false, nil
		}
		return false, err
	}
	if err := syscall.Stat(filepath.Dir(directory), &parent); err != nil {
		return false, err
	}
	return own.Dev != parent.Dev, nil
}
