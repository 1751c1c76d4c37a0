# SPDX-License-Identifier: Apache-2.0
"""Values that must all render to a good deployment: one for each way to run it."""

EXISTING = {"source": "existing", "existing": {"gatewaySecret": "gw-certs", "logicSecret": "lg-certs"}, "serverName": "gw"}
PLACED = {
    "podAnnotations": {"a": "b"}, "podLabels": {"team": "push"}, "nodeSelector": {"disk": "fast"},
    "tolerations": [{"key": "push", "operator": "Exists"}], "priorityClassName": "high",
    "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]}}},
    "topologySpread": {"hostname": "DoNotSchedule", "zone": "off"},
}

CASES = {
    "default": {},
    "redis": {"redis": {"enabled": True}, "discovery": {"mode": "redis"}},
    "outside redis": {
        "redis": {"enabled": True, "mirror": False, "urlSecret": {"name": "my-redis", "key": "address"}},
        "networkPolicy": {"redisTo": [{"ipBlock": {"cidr": "192.0.2.0/24"}}], "redisPort": 6380},
    },
    "existing certificates": {"tls": EXISTING},
    "cert-manager": {"tls": {"source": "certManager"}},
    "cert-manager with an issuer": {
        "tls": {"source": "certManager", "certManager": {"issuerRef": {"name": "corporate", "kind": "ClusterIssuer"}}}
    },
    "outside": {
        "ingress": {"enabled": True, "host": "push.example.org", "tlsSecret": "push-tls"},
        "gatewayApi": {"enabled": True, "parentRefs": [{"name": "public", "namespace": "gateways"}]},
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "gateway": {"tlsSecret": "wss", "service": {"type": "LoadBalancer", "port": 443}},
    },
    "monitored": {
        "serviceMonitor": {"enabled": True},
        "monitoring": {
            "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
            "dashboard": {"enabled": True, "annotations": {"grafana_folder": "Push"}},
        },
    },
    "io_uring": {"seccompProfile": {"type": "Localhost", "localhostProfile": "profiles/fanfare.json"}},
    "fixed size": {
        "gateway": {"replicas": 5, "autoscaling": {"enabled": False}, "podDisruptionBudget": {"enabled": False}},
        "logic": {"replicas": 3, "autoscaling": {"enabled": False}, "podDisruptionBudget": {"maxUnavailable": "50%"}},
    },
    "placed": {"gateway": PLACED, "logic": PLACED, "imagePullSecrets": [{"name": "pull"}]},
    "open": {"networkPolicy": {"enabled": False}},
    "tokens": {"logic": {"apiTokensSecret": "api-tokens"}},
    "configured": {
        "gateway": {
            "drainSeconds": 100, "terminationGracePeriodSeconds": 120,
            "config": {"maxClients": 50000, "slowClientPolicy": "drop-oldest", "log": {"level": "debug"}},
            "secretEnv": {"FANFARE_REDIS_SENTINEL_PASSWORD": {"secretName": "redis", "key": "sentinel"}},
        },
        "logic": {"config": {"cors": {"origins": ["https://example.org"]}, "maxBodyBytes": 65536}},
        "image": {"repository": "registry.example.com/push/fanfare", "digest": "sha256:" + "0" * 64},
    },
}
