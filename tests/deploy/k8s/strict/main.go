// SPDX-License-Identifier: Apache-2.0

// strict reads objects of Kubernetes (YAML) and decodes those of other projects' APIs into these projects' own
// types: a field that they do not have, or of another type, is an error. It prints what it took, one a line.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	certmanager "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	gateway "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"
)

type head struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
}

func target(h head) any {
	switch h.APIVersion + " " + h.Kind {
	case "cert-manager.io/v1 Certificate":
		return &certmanager.Certificate{}
	case "cert-manager.io/v1 Issuer":
		return &certmanager.Issuer{}
	case "monitoring.coreos.com/v1 ServiceMonitor":
		return &monitoring.ServiceMonitor{}
	case "monitoring.coreos.com/v1 PrometheusRule":
		return &monitoring.PrometheusRule{}
	case "gateway.networking.k8s.io/v1 HTTPRoute":
		return &gateway.HTTPRoute{}
	}
	return nil
}

func check(document []byte) error {
	var h head
	if err := yaml.Unmarshal(document, &h); err != nil {
		return err
	}
	if h.Kind == "" { // nothing but comments
		return nil
	}
	into := target(h)
	if into == nil {
		return fmt.Errorf("%s %s is none of the kinds that are known here", h.APIVersion, h.Kind)
	}
	if err := yaml.UnmarshalStrict(document, into); err != nil {
		return fmt.Errorf("%s %s: %w", h.Kind, h.Metadata.Name, err)
	}
	fmt.Printf("%s %s\n", h.Kind, h.Metadata.Name)
	return nil
}

func run() error {
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	documents := utilyaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(input)))
	buffer := make([]byte, len(input)+1)
	for {
		n, err := documents.Read(buffer)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := check(buffer[:n]); err != nil {
			return err
		}
	}
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "strict:", err)
		os.Exit(1)
	}
}
