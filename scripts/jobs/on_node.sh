#!/usr/bin/env bash
# One machine's part of scripts/jobs/slurm.sh; not to be started by hand.
#
#   on_node.sh PYTHON -m torch.distributed.run ...
#
# SLURM's USR1 reaches every process of a step, or this one alone, as the site has it. torchrun would
# die of it. So it ignores USR1 and is told TERM, which all its versions hand on to the processes
# they started. The status is then 128 + the signal, where torchrun itself says 1.
set -euo pipefail

# shellcheck source=scripts/jobs/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# shellcheck disable=SC2329 # supervise calls it
deaf_to_usr1() {
    trap '' USR1
    exec "$@"
}

# Saving takes time; torchrun kills after 30 seconds if this is not set.
export TORCH_ELASTIC_SHUTDOWN_TIMEOUT=${TORCH_ELASTIC_SHUTDOWN_TIMEOUT:-100}
status=0
supervise TERM deaf_to_usr1 "$@" || status=$?
if [ "$status" -ne 0 ] && [ -n "$stopped_by" ]; then
    status=$((128 + $(kill -l "$stopped_by")))
fi
exit "$status"
