#!/bin/sh
# Holds the runbooks of this folder against the language, and rehearses them. It needs nothing but the runbook program in
# the PATH. Call it where your CI runs its checks. With --junit FILE behind test, CI can show the results.
#
#   GitHub Actions    - run: FOLDER/ci.sh           as a step, in .github/workflows/runbooks.yml
#   GitLab CI         script: [FOLDER/ci.sh]        in a job, in .gitlab-ci.yml
set -eu
cd "$(dirname "$0")"
runbook validate --lint ./
runbook test --min-coverage 100 ./
