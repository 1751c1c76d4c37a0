# SPDX-License-Identifier: Apache-2.0
# The tool `fanfare`, manual pages, completions, `make install` and `make deb`. Included by the top
# Makefile.
#   PREFIX=/usr/local DESTDIR=      where to; with PREFIX=/usr the configuration is in /etc
#   SYSCONFDIR UNITDIR SYSUSERSDIR  of the configuration and of what systemd reads
#   DEB_REVISION=1                  of the package: VERSION-DEB_REVISION

PREFIX ?= /usr/local
DESTDIR ?=
BINDIR ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
SHAREDIR ?= $(PREFIX)/share
SYSCONFDIR ?= $(if $(filter /usr,$(PREFIX)),/etc,$(PREFIX)/etc)
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
DEB_REVISION ?= 1

# The option tables of the daemons tell whose file `fanfare check` has before it.
TOOL_SRC := $(wildcard deploy/tool/*.c)
TOOL_OBJ := $(call obj,$(TOOL_SRC))
$(BUILD)/fanfare: $(TOOL_OBJ) $(call obj,$(wildcard gateway/conf/*.c logic/conf/*.c)) $(SHARED_OBJ)
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# The issuer of `make run`: for development, in no package.
$(BUILD)/fanfare-dev-issuer: $(call obj,$(wildcard deploy/issuer/*.c deploy/tool/token_*.c) deploy/tool/text_file.c) $(NO_FETCH_OBJ)
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

DAEMONS := fanfare-gateway fanfare-logic
PROGRAMS := fanfare $(DAEMONS)
MAN := $(BUILD)/share/fanfare.1 $(BUILD)/share/fanfare-gateway.8 $(BUILD)/share/fanfare-logic.8 $(BUILD)/share/fanfare.conf.5
COMPLETIONS := $(foreach program,$(PROGRAMS),$(BUILD)/share/$(program).bash $(BUILD)/share/$(program).zsh)
UNITS := $(BUILD)/share/fanfare-gateway.service $(BUILD)/share/fanfare-logic.service

# Each is written beside and moved, so that a program that fails leaves none.
GENERATE = @mkdir -p $(@D) && $(1) >$@.new && mv $@.new $@
$(BUILD)/share/fanfare.1: $(BUILD)/fanfare
	$(call GENERATE,$< --print-man)
$(BUILD)/share/%.8: $(BUILD)/%
	$(call GENERATE,$< --print-man)
$(BUILD)/share/fanfare.conf.5: deploy/man/fanfare.conf.5.in $(BUILD)/fanfare-gateway $(BUILD)/fanfare-logic
	$(call GENERATE,{ sed 's/@VERSION@/$(VERSION)/' $< && $(BUILD)/fanfare-gateway --print-man-options && \
		$(BUILD)/fanfare-logic --print-man-options && \
		printf '.SH SEE ALSO\nfanfare(1)$(comma) fanfare\\-gateway(8)$(comma) fanfare\\-logic(8)\n'; })
$(BUILD)/share/%.bash: $(BUILD)/%
	$(call GENERATE,$< --print-completion-bash)
$(BUILD)/share/%.zsh: $(BUILD)/%
	$(call GENERATE,$< --print-completion-zsh)
# Depends on paths that may differ from run to run.
$(BUILD)/share/%.service: deploy/systemd/%.service.in FORCE
	$(call GENERATE,sed 's|@SBINDIR@|$(SBINDIR)|; s|@SYSCONFDIR@|$(SYSCONFDIR)|' $<)
.PHONY: FORCE
FORCE:

.PHONY: configuration-docs
configuration-docs: all ## write the tables of docs/configuration.md anew, from the tables of options
	$(Q)deploy/man/write-configuration $(BUILD)

.PHONY: man completions units
man: $(MAN) ## make the manual pages, from the tables of options
completions: $(COMPLETIONS)
units: $(UNITS)

EXAMPLES := gateway.json logic.json
BALANCERS := deploy/balancers/haproxy.cfg deploy/balancers/nginx.conf
# A configuration that is there already stays.
.PHONY: install uninstall
install: all man completions units ## install (PREFIX=/usr/local, DESTDIR=); keeps a configuration that is there
	install -d $(addprefix $(DESTDIR),$(BINDIR) $(SBINDIR) $(UNITDIR) $(SYSUSERSDIR) $(SHAREDIR)/fanfare \
		$(SHAREDIR)/man/man1 $(SHAREDIR)/man/man5 $(SHAREDIR)/man/man8 \
		$(SHAREDIR)/bash-completion/completions $(SHAREDIR)/zsh/vendor-completions $(SYSCONFDIR)/fanfare)
	install -m 755 $(BUILD)/fanfare $(DESTDIR)$(BINDIR)/
	install -m 755 $(addprefix $(BUILD)/,$(DAEMONS)) $(DESTDIR)$(SBINDIR)/
	install -m 644 $(BUILD)/share/fanfare.1 $(DESTDIR)$(SHAREDIR)/man/man1/
	install -m 644 $(BUILD)/share/fanfare.conf.5 $(DESTDIR)$(SHAREDIR)/man/man5/
	install -m 644 $(BUILD)/share/fanfare-gateway.8 $(BUILD)/share/fanfare-logic.8 $(DESTDIR)$(SHAREDIR)/man/man8/
	set -e; for program in $(PROGRAMS); do \
		install -m 644 $(BUILD)/share/$$program.bash $(DESTDIR)$(SHAREDIR)/bash-completion/completions/$$program; \
		install -m 644 $(BUILD)/share/$$program.zsh $(DESTDIR)$(SHAREDIR)/zsh/vendor-completions/_$$program; \
	done
	install -m 644 $(UNITS) $(DESTDIR)$(UNITDIR)/
	install -m 644 deploy/systemd/fanfare.sysusers $(DESTDIR)$(SYSUSERSDIR)/fanfare.conf
	install -m 755 deploy/make-certs $(DESTDIR)$(SHAREDIR)/fanfare/
	install -m 644 $(BALANCERS) $(DESTDIR)$(SHAREDIR)/fanfare/
	set -e; for file in $(EXAMPLES); do \
		sed 's|@SYSCONFDIR@|$(SYSCONFDIR)|' deploy/examples/$$file >$(BUILD)/share/$$file; \
		[ -e $(DESTDIR)$(SYSCONFDIR)/fanfare/$$file ] || \
			install -m 644 $(BUILD)/share/$$file $(DESTDIR)$(SYSCONFDIR)/fanfare/$$file; \
	done

uninstall: ## remove what install has put there, but for a configuration that was changed
	rm -f $(DESTDIR)$(BINDIR)/fanfare $(addprefix $(DESTDIR)$(SBINDIR)/,$(DAEMONS)) \
		$(DESTDIR)$(SHAREDIR)/man/man1/fanfare.1 $(DESTDIR)$(SHAREDIR)/man/man5/fanfare.conf.5 \
		$(addprefix $(DESTDIR)$(SHAREDIR)/man/man8/,$(addsuffix .8,$(DAEMONS))) \
		$(addprefix $(DESTDIR)$(SHAREDIR)/bash-completion/completions/,$(PROGRAMS)) \
		$(addprefix $(DESTDIR)$(SHAREDIR)/zsh/vendor-completions/_,$(PROGRAMS)) \
		$(addprefix $(DESTDIR)$(UNITDIR)/,$(notdir $(UNITS))) $(DESTDIR)$(SYSUSERSDIR)/fanfare.conf \
		$(addprefix $(DESTDIR)$(SHAREDIR)/fanfare/,make-certs $(notdir $(BALANCERS)))
	set -e; for file in $(EXAMPLES); do \
		sed 's|@SYSCONFDIR@|$(SYSCONFDIR)|' deploy/examples/$$file | \
			cmp -s - $(DESTDIR)$(SYSCONFDIR)/fanfare/$$file && rm $(DESTDIR)$(SYSCONFDIR)/fanfare/$$file || true; \
	done
	rmdir $(DESTDIR)$(SHAREDIR)/fanfare $(DESTDIR)$(SYSCONFDIR)/fanfare 2>/dev/null || true

.PHONY: deb
deb: ## build the Debian package (build/fanfare_VERSION-DEB_REVISION_ARCH.deb)
	@deploy/install-deps deb
	$(Q)$(MAKE) --no-print-directory all
	$(Q)MAKE="$(MAKE)" BUILD="$(BUILD)" deploy/make-deb $(VERSION)-$(DEB_REVISION)

.PHONY: package-test
package-test: all ## test install, units and the package (as root, in a root made by debootstrap)
	@FANFARE_BUILD=$(BUILD) $(PYTEST) tests/deploy --ignore tests/deploy/k8s -q --tb=short $(ARGS)
