#!/bin/bash
# One gantool run on several machines under SLURM, that saves itself before its time is up and goes on by itself.
#
#   sbatch slurm.sh my-config.yaml /shared/runs/my-run
#
# One task for each GPU (on CPUs: one for each machine, and drop --gpus-per-node). Both paths and the pictures lie on
# storage that every machine sees; prepare the pictures once (gantool data prepare … --out /shared/my-set) and let the
# config read that ({source: prepared, path: /shared/my-set}).

#SBATCH --job-name=gantool
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=4
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=USR1@120
# (USR1 two minutes before the end, and on preemption where the site sends it: every rank sees it, rank 0 saves, and
# all leave with exit code 138. srun sends it to the ranks themselves; torchrun would stand between, and not pass it on.)

set -u
config=$1
run=$2

MASTER_ADDR=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
MASTER_PORT=$((20000 + SLURM_JOB_ID % 20000))
export MASTER_ADDR MASTER_PORT
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}

srun --kill-on-bad-exit=1 bash -c '
  export RANK=$SLURM_PROCID LOCAL_RANK=$SLURM_LOCALID WORLD_SIZE=$SLURM_NTASKS
  exec gantool train "$1" --run-dir "$2" --or-resume
' gantool "$config" "$run"
code=$?

# 138 = 128 + USR1: saved, and not finished.
if [ "$code" = 138 ]; then
  echo "saved; queued again"
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
