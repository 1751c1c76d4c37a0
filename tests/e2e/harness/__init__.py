# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests are made of: real daemons, clients, proxies and fakes.

Tests import from here only by module (`from harness.client import Client`); nothing in this
package asserts what a daemon should do, it only makes it easy to ask.
"""
