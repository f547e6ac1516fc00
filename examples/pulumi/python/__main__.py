"""A virtual cluster for team A."""

import pulumi
import pulumi_kubernetes as k8s
import pulumi_nestling as nestling

team = k8s.core.v1.Namespace("team-a", metadata={"name": "team-a"})

cluster = nestling.VirtualCluster(
    "my-vc1",
    namespace=team.metadata.name,
    exposure={"type": "nodePort"},
    isolation={"type": "baseline", "quota": {"type": "standard", "pods": 50}},
)

pulumi.export("endpoint", cluster.endpoint)
pulumi.export("kubeconfig", cluster.kubeconfig)
