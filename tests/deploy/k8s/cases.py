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
SIDECAR = {
    "name": "agent", "image": "registry.example.com/agent:1",
    "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
    "resources": {"requests": {"cpu": "10m"}, "limits": {"memory": "64Mi"}},
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
    "company": {
        component: {
            "extraEnv": [{"name": "TZ", "value": "UTC"}],
            "extraVolumes": [{"name": "trust", "configMap": {"name": "company-ca"}}],
            "extraVolumeMounts": [{"name": "trust", "mountPath": "/etc/company", "readOnly": True}],
            "extraContainers": [SIDECAR], "initContainers": [{**SIDECAR, "name": "wait"}],
        } for component in ("gateway", "logic")
    },
    "openshift": {
        "podSecurityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None},
        "redis": {"enabled": True, "podSecurityContext": {"runAsUser": None, "runAsGroup": None}},
        "networkPolicy": {"dnsPorts": [53, 5353], "dnsTo": [{"namespaceSelector": {"matchLabels": {"a": "b"}}}],
                          "extraEgress": [{"ports": [{"port": 8200}], "to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}]},
    },
    "balanced": {
        "gateway": {"service": {
            "type": "LoadBalancer", "port": 443, "annotations": {"example.com/idle": "3600"}, "nodePort": 30777,
            "loadBalancerClass": "example.com/nlb", "loadBalancerSourceRanges": ["203.0.113.0/24"],
            "allocateLoadBalancerNodePorts": False, "externalTrafficPolicy": "Local", "internalTrafficPolicy": "Cluster",
            "sessionAffinity": "None", "ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv4", "IPv6"]}},
        "logic": {"service": {"type": "NodePort", "nodePort": 30799, "sessionAffinity": "ClientIP"}},
    },
    "open": {"networkPolicy": {"enabled": False}},
    "tokens": {"logic": {"apiTokensSecret": "api-tokens"}},
    "https": {"logic": {"apiTokensSecret": "api-tokens", "apiTlsSecret": "api-tls"}, "serviceMonitor": {"enabled": True}},
    "identity": {
        "gateway": {
            "authSecret": "push-auth", "authConfigMap": "push-keys",
            "config": {
                "trustedProxies": ["10.244.0.0/16"], "ws": {"origins": ["https://shop.example"]}, "maxClientsPerUser": 20,
                "auth": {
                    "mode": "verify", "cookie": "push", "header": "X-User", "headerUserPrefix": "sso:",
                    "issuers": [
                        {"iss": "https://shop.example", "aud": ["fanfare"], "userPrefix": "shop:", "secretFile": "/etc/fanfare/auth/secret"},
                        {"iss": "https://id.example", "aud": ["push"], "algs": ["EdDSA"], "userPrefix": "id:",
                         "rooms": ["orders.*", "!orders.internal"], "jwks": "/etc/fanfare/auth/jwks.json"},
                        {"iss": "https://far.example", "userPrefix": "far:", "jwksUrl": "https://far.example/jwks.json",
                         "jwksCa": "/etc/fanfare/auth/ca.pem"},
                    ],
                    "hook": {"url": "https://hook.push.svc/client", "headers": ["Cookie"], "userPrefix": "hook:",
                             "ca": "/etc/fanfare/auth/ca.pem", "tokenFile": "/etc/fanfare/auth/hook-token"},
                },
            },
        },
        "networkPolicy": {"authEgress": [
            {"ports": [{"port": 443}], "to": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]},
            {"ports": [{"port": 8443}], "to": [{"podSelector": {"matchLabels": {"app": "hook"}}}]}]},
    },
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
