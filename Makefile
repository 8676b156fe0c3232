# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
PYTHON_TOOL = tools/bootstrap && .venv/bin/python
WITH_BROWSER = tools/bootstrap tests/browser/requirements-system.txt && .venv/bin/python

.PHONY: help
help: ## print these targets
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/\1 \2/p' Makefile | while read -r name text; do printf '  make %-15s %s\n' "$$name" "$$text"; done

.PHONY: demo
demo: ## start four simulated Ascend hosts and run site.yml on them (5 minutes)
	@$(PYTHON_TOOL) tools/demo.py up

.PHONY: demo-down
demo-down: ## remove the hosts of the demo
	@$(PYTHON_TOOL) tools/demo.py down

.PHONY: test
test: ## all tests except test-real (40 minutes)
	@$(WITH_BROWSER) tools/run_tests.py

.PHONY: test-unit
test-unit: ## pytest of the plugins, the tools and the simulated fleet
	@$(PYTHON_TOOL) tools/run_tests.py unit

.PHONY: test-contract
test-contract: ## check that documents, argument specs, defaults and data agree
	@$(PYTHON_TOOL) tools/run_tests.py contract

.PHONY: test-browser
test-browser: ## the report in a headless Chromium
	@$(WITH_BROWSER) tools/run_tests.py browser

.PHONY: lint
lint: ## ansible-lint (production), yamllint, ruff, mypy, shellcheck, codespell, pymarkdown, reuse, antsibull-changelog
	@$(PYTHON_TOOL) tools/run_tests.py lint

.PHONY: sanity
sanity: ## every test of ansible-test sanity
	@$(PYTHON_TOOL) tools/run_tests.py sanity

.PHONY: test-cores
test-cores: ## tests/cores on every supported ansible-core, ansible-test sanity on some
	@$(PYTHON_TOOL) tools/run_tests.py cores

.PHONY: test-demo
test-demo: ## the demo from an empty state, and the commands that it prints at its end
	@$(PYTHON_TOOL) tools/run_tests.py demo

.PHONY: molecule
molecule: ## all scenarios, or only some: make molecule SCENARIOS="cmake site"
	@$(PYTHON_TOOL) tools/run_molecule.py $(SCENARIOS)

.PHONY: test-real
test-real: ## build the real gcc and, with REAL_MIRROR=<folder of bare clones>, the real torch_npu and Apex
	@$(PYTHON_TOOL) tools/run_molecule.py --real

.PHONY: bench-noop
bench-noop: ## the cost of site.yml when nothing is to be done, compared with a ping, as one line of JSON
	@$(PYTHON_TOOL) tests/bench/noop.py

.PHONY: bench-fleet
bench-fleet: ## the cost of a fleet that builds once, and of site.yml compared with the guide's commands, as one line of JSON (40 minutes)
	@$(PYTHON_TOOL) tests/bench/building.py

.PHONY: bench-provision
bench-provision: ## the cost of fresh hosts that find everything in the build cache, compared with a plain script, as one line of JSON (10 minutes)
	@$(PYTHON_TOOL) tests/bench/provisioning.py

.PHONY: bench-election
bench-election: ## the cost per host of electing a builder, for 1000 hosts compared with 100, as one line of JSON
	@$(PYTHON_TOOL) tests/bench/election.py

.PHONY: tarball
tarball: ## build the collection's tarball in .cache; for a release, add REPOSITORY=https://…
	@$(PYTHON_TOOL) tools/tarball.py $(if $(REPOSITORY),--repository '$(REPOSITORY)')

.PHONY: release-check
release-check: ## check that a release can be made, with REPOSITORY=https://…, and say what is left to do
	@$(PYTHON_TOOL) tools/release.py --repository '$(REPOSITORY)'

.PHONY: importer
importer: ## run galaxy-importer on the tarball, as Galaxy does, and ansible-builder
	@$(PYTHON_TOOL) tools/run_tests.py importer

.PHONY: clean
clean: ## remove what the tools made, except the demo's hosts (see demo-down)
	rm -rf .cache .venv .ansible .hypothesis .pytest_cache
