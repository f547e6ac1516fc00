#!/usr/bin/env bash
# Runs a command with a Kubernetes cluster of its own, and removes the cluster however the command ends.
#
#   examples/ci-cluster/run.sh COMMAND [ARGUMENTS]
#
# The command finds the cluster by KUBECONFIG; its exit code is that of this script. The host is the current context of kubectl.
set -euo pipefail
[ $# -gt 0 ] || { echo "usage: $0 COMMAND [ARGUMENTS]" >&2; exit 2; }

export CI_NAMESPACE="${CI_NAMESPACE:-ci-$(date +%s)-$$}"
work=$(mktemp -d)
forward=
clean_up() {
  [ -z "$forward" ] || kill "$forward" 2>/dev/null || true
  kubectl delete namespace "$CI_NAMESPACE" --ignore-not-found --wait=false >&2
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

CDK8S_OUTDIR="$work" node --import tsx "$(dirname "$0")/main.ts"
kubectl apply -f "$work/ci-cluster.k8s.yaml" >&2
kubectl -n "$CI_NAMESPACE" rollout status statefulset/ci --timeout=5m >&2
kubectl -n "$CI_NAMESPACE" get secret vc-ci -o jsonpath='{.data.config}' | base64 -d > "$work/kubeconfig"

# Outside of the host the API server is reached through a port that kubectl chooses and prints.
kubectl -n "$CI_NAMESPACE" port-forward service/ci :443 > "$work/forward" &
forward=$!
until port=$(sed -n 's/^Forwarding from 127.0.0.1:\([0-9]*\).*/\1/p' "$work/forward") && [ -n "$port" ]; do
  kill -0 "$forward" || { echo "error: kubectl port-forward ended" >&2; exit 1; }
  sleep 0.1
done
kubectl --kubeconfig "$work/kubeconfig" config set-cluster "ci.$CI_NAMESPACE" --server="https://localhost:$port" >&2

KUBECONFIG="$work/kubeconfig" "$@"
