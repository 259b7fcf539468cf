#!/bin/bash
# A bare Ubuntu or Debian host with an NVIDIA driver becomes a GPU worker. Doing it again changes nothing and starts at once.
#
#     TEMPORAL_ADDRESS=HOST:7233 FLAMINGO_STORE=s3://bucket/prefix bash docker/gpu-host.sh [OPTIONS of `flamingo worker gpu`]
#     bash docker/gpu-host.sh --only-set-up
#
# Run it in a clone, or with FLAMINGO_SOURCE=https://…/flamingo.tar.gz (or a git address) anywhere: that is unpacked into
# ~/flamingo. Installs Node 20 or newer and Python's venv where they are missing, for which it needs root or sudo, then runs set-up
# (npm, uv, the trainer's environment). Only outbound connections are made.
set -euo pipefail

say() { printf '%s\n' "$*" >&2; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
install() { as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; }
node_is_new_enough() { command -v node > /dev/null && node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)'; }

only_set_up=0
if [ "${1:-}" = --only-set-up ]; then
  only_set_up=1
  shift
elif [ -z "${TEMPORAL_ADDRESS:-}" ] || [ -z "${FLAMINGO_STORE:-}" ]; then
  say 'set TEMPORAL_ADDRESS=HOST:7233 and FLAMINGO_STORE=s3://bucket/prefix (or a shared folder)'
  exit 2
fi

# nobody else starts set-up on this host at the same time
exec 9> "${TMPDIR:-/tmp}/flamingo-gpu-host.$(id -u).lock"
flock 9

needed=()
for program in curl git python3 gcc; do command -v "$program" > /dev/null || needed+=("$program"); done
python3 -c 'import ensurepip, venv' 2> /dev/null || needed+=(python3-venv python3-pip)
if [ "${#needed[@]}" -gt 0 ]; then
  say "installing ${needed[*]}"
  as_root apt-get update -q
  install ca-certificates "${needed[@]}"
fi
if ! node_is_new_enough; then
  say 'installing Node 22'
  # NodeSource's repository, whose packages apt verifies by this key
  as_root mkdir -p /etc/apt/keyrings
  curl -fsSL https://deb.nodesource.com/gpgkey/nodesource-repo.gpg.key | as_root tee /etc/apt/keyrings/nodesource.asc > /dev/null
  echo 'deb [signed-by=/etc/apt/keyrings/nodesource.asc] https://deb.nodesource.com/node_22.x nodistro main' |
    as_root tee /etc/apt/sources.list.d/nodesource.list > /dev/null
  as_root apt-get update -q
  install nodejs
fi

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [ -n "${FLAMINGO_SOURCE:-}" ]; then
  here=$HOME/flamingo
  if [ ! -f "$here/package.json" ]; then
    mkdir -p "$here"
    case $FLAMINGO_SOURCE in
      *.tar.gz | *.tgz) curl -fsSL "$FLAMINGO_SOURCE" | tar -xz --strip-components=1 -C "$here" ;;
      *) git clone --depth 1 "$FLAMINGO_SOURCE" "$here" ;;
    esac
  fi
fi
cd "$here"
npm run setup >&2
flock -u 9
if [ "$only_set_up" = 1 ]; then exit 0; fi
command -v nvidia-smi > /dev/null || say 'no nvidia-smi here: models run on the CPU'
# in place of this shell, so that a SIGTERM of the machine reaches the worker
exec node bin/flamingo.js worker gpu "$@"
