# SPDX-License-Identifier: Apache-2.0
# The chart, the plain manifests and the image. Included by the top Makefile.
#   FANFARE_TEST_ROOT=dir   a Debian 12 that debootstrap made, for the image's base; else one is made, and kept
#   ARGS='-k name'          pytest's arguments
# The first run fetches helm (a Go module, compiled here), the types of cert-manager, the Prometheus operator and
# the Gateway API (Go modules) and kubernetes-validate (PyPI), all into $(BUILD)/deploy-check.

HELM_VERSION := v3.19.5
KUBERNETES_VALIDATE_VERSION := 1.34.1
DEPLOY_CHECK := $(BUILD)/deploy-check
HELM := $(DEPLOY_CHECK)/bin/helm-$(HELM_VERSION)
STRICT := $(DEPLOY_CHECK)/bin/strict
VALIDATE := $(DEPLOY_CHECK)/validate-$(KUBERNETES_VALIDATE_VERSION)/bin/kubernetes-validate

NEED_GO = @command -v go >/dev/null || { echo "deploy-check: go is missing: Go 1.26 or later compiles helm" >&2; exit 1; }
# Written under another name first: what was interrupted is not taken for whole.
$(HELM):
	$(NEED_GO)
	@echo "  FETCH helm $(HELM_VERSION)"
	@mkdir -p $(@D)
	$(Q)GOBIN=$(abspath $(DEPLOY_CHECK))/new go install helm.sh/helm/v3/cmd/helm@$(HELM_VERSION)
	@mv $(DEPLOY_CHECK)/new/helm $@

$(STRICT): $(wildcard tests/deploy/k8s/strict/*)
	$(NEED_GO)
	@echo "  GO    $@"
	@mkdir -p $(@D)
	$(Q)cd tests/deploy/k8s/strict && go build -o $(abspath $@) .

$(VALIDATE):
	@echo "  FETCH kubernetes-validate $(KUBERNETES_VALIDATE_VERSION)"
	@rm -rf $(DEPLOY_CHECK)/validate-$(KUBERNETES_VALIDATE_VERSION)
	$(Q)python3 -m venv $(DEPLOY_CHECK)/validate-$(KUBERNETES_VALIDATE_VERSION)
	$(Q)$(@D)/pip install -q kubernetes-validate==$(KUBERNETES_VALIDATE_VERSION)

.PHONY: deploy-tools
deploy-tools: $(HELM) $(STRICT) $(VALIDATE)

.PHONY: chart
chart: all $(HELM) ## write the chart's schema, its dashboard and the plain manifests anew
	@deploy/monitoring/make-dashboard
	@deploy/helm/make-schema $(BUILD)
	@HELM=$(HELM) deploy/kubernetes/render

# What builds and runs containers, from Debian.
.PHONY: image-tools
image-tools:
	@set -e; missing=; for tool in buildah podman crun debootstrap; do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	[ -z "$$missing" ] || { echo "deploy-check: missing:$$missing: apt-get install --no-install-recommends$$missing" >&2; exit 1; }

DEPLOY_PYTEST = @FANFARE_BUILD=$(BUILD) HELM=$(abspath $(HELM)) KUBERNETES_VALIDATE=$(abspath $(VALIDATE)) STRICT=$(abspath $(STRICT)) $(PYTEST) -q --tb=short
.PHONY: chart-check image-check deploy-check
chart-check: all deploy-tools ## test the chart and the plain manifests
	$(DEPLOY_PYTEST) --ignore tests/deploy/k8s/test_image.py tests/deploy/k8s $(ARGS)
image-check: all image-tools ## build the image and run it (as root; buildah, podman, debootstrap)
	$(DEPLOY_PYTEST) tests/deploy/k8s/test_image.py $(ARGS)
deploy-check: all deploy-tools image-tools ## test the chart, the plain manifests, compose.yaml and the image
	$(DEPLOY_PYTEST) tests/deploy/k8s $(ARGS)
