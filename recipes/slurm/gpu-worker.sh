#!/bin/bash
# SLURM: a GPU worker with the store on a shared folder, put back into the queue when it is preempted.
#
#     sbatch --export=ALL,TEMPORAL_ADDRESS=HOST:7233,FLAMINGO_STORE=/shared/flamingo/store recipes/slurm/gpu-worker.sh
#
# The clone lies on a shared folder too, and `npm run setup` has run there once. Compute nodes reach HOST.
#SBATCH --job-name=flamingo-gpu
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=8
#SBATCH --mem=64G
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
# SIGTERM two minutes before the time is up; a preemption sends it by itself, GraceTime before SIGKILL
#SBATCH --signal=B:TERM@120
set -u

node bin/flamingo.js worker gpu --exit-when-idle 30m &
worker=$!
told=0
# bash hands on what SLURM sends to the batch script
trap 'told=1; kill -TERM "$worker"' TERM
code=0
# a signal ends a wait, and the trainer still saves: until the worker is gone
while kill -0 "$worker" 2> /dev/null; do
  wait "$worker"
  code=$?
done
if [ "$told" = 1 ]; then scontrol requeue "$SLURM_JOB_ID"; fi
exit "$code"
