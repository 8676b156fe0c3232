# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
PYTHON_TOOL = tools/bootstrap && .venv/bin/python
WITH_BROWSER = tools/bootstrap tests/browser/requirements-system.txt && .venv/bin/python

.PHONY: help
help: ## print the targets
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/\1 \2/p' Makefile | while read -r name text; do printf '  make %-15s %s\n' "$$name" "$$text"; done

.PHONY: demo
demo: ## take three simulated Ascend hosts through site.yml, from nothing (5 minutes)
	@$(PYTHON_TOOL) tools/demo.py up

.PHONY: demo-down
demo-down: ## remove the hosts of the demo
	@$(PYTHON_TOOL) tools/demo.py down

.PHONY: test
test: ## everything but test-real (40 minutes)
	@$(WITH_BROWSER) tools/run_tests.py

.PHONY: test-unit
test-unit: ## pytest of the plugins, tools and simulated fleet
	@$(PYTHON_TOOL) tools/run_tests.py unit

.PHONY: test-contract
test-contract: ## defaults, argument specs and READMEs agree; every source is pinned
	@$(PYTHON_TOOL) tools/run_tests.py contract

.PHONY: test-browser
test-browser: ## the report in a headless Chromium
	@$(WITH_BROWSER) tools/run_tests.py browser

.PHONY: lint
lint: ## ansible-lint (production), yamllint, ruff, shellcheck
	@$(PYTHON_TOOL) tools/run_tests.py lint

.PHONY: sanity
sanity: ## every test of ansible-test sanity
	@$(PYTHON_TOOL) tools/run_tests.py sanity

.PHONY: test-cores
test-cores: ## what plugins lean on, the account of a run, and sanity, on every supported ansible-core
	@$(PYTHON_TOOL) tools/run_tests.py cores

.PHONY: test-demo
test-demo: ## the demo from nothing, and the commands that it ends with
	@$(PYTHON_TOOL) tools/run_tests.py demo

.PHONY: molecule
molecule: ## the scenarios, or those named: make molecule SCENARIOS="cmake site"
	@$(PYTHON_TOOL) tools/run_molecule.py $(SCENARIOS)

.PHONY: test-real
test-real: ## real gcc and, with REAL_MIRROR=<folder of bare clones>, real Apex
	@$(PYTHON_TOOL) tools/run_molecule.py --real

.PHONY: bench-noop
bench-noop: ## what site.yml costs where nothing is to be done, beside a ping: one line of JSON
	@$(PYTHON_TOOL) tests/bench/noop.py

.PHONY: bench-fleet
bench-fleet: ## what a fleet that builds once costs, and the road beside the guide by hand: one line of JSON (40 minutes)
	@$(PYTHON_TOOL) tests/bench/building.py

.PHONY: bench-provision
bench-provision: ## what fresh hosts cost that find everything in the build cache, beside a plain script: one line of JSON (10 minutes)
	@$(PYTHON_TOOL) tests/bench/provisioning.py

.PHONY: bench-election
bench-election: ## what electing a builder costs each host of a thousand, beside each of a hundred: one line of JSON
	@$(PYTHON_TOOL) tests/bench/election.py

.PHONY: tarball
tarball: ## the collection's tarball, in .cache; a release's with REPOSITORY=https://…
	@$(PYTHON_TOOL) tools/tarball.py $(if $(REPOSITORY),--repository '$(REPOSITORY)')

.PHONY: importer
importer: ## galaxy-importer, as Galaxy runs it, on the tarball
	@$(PYTHON_TOOL) tools/run_tests.py importer

.PHONY: clean
clean: ## remove what tools made; the hosts of the demo are demo-down's
	rm -rf .cache .venv .ansible .hypothesis .pytest_cache
