#!/bin/bash
# A search on four nodes of a Slurm cluster: sbatch slurm.sh
#SBATCH --job-name=munas
#SBATCH --nodes=4
#SBATCH --exclusive
#SBATCH --tasks-per-node=1
#SBATCH --cpus-per-task=32
#SBATCH --time=04:00:00
#SBATCH --signal=B:INT@120

set -eu
export RAY_AUTH_MODE=token # with ~/.ray/auth_token, made once by `ray get-auth-token --generate`; homes are shared
export MUNAS_WORKER_CACHE=/tmp/munas-$SLURM_JOB_ID

head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
address=$(srun --nodes=1 --ntasks=1 -w "$head" hostname --ip-address | awk '{ print $1 }'):6379

run=$SLURM_SUBMIT_DIR/runs/fashion
command="search --data fashion-mnist --max-peak-memory 8KB --max-model-size 16KB --time 3h30m --out $run"
if [ -e "$run/journal.db" ]; then
    command="resume $run" # a job that was submitted again goes on
fi

# Starts Ray on every node and the search on the first; when the search ends, Ray ends on all.
srun --nodes="$SLURM_JOB_NUM_NODES" --ntasks="$SLURM_JOB_NUM_NODES" \
    ray symmetric-run --address "$address" --min-nodes "$SLURM_JOB_NUM_NODES" --num-cpus="$SLURM_CPUS_PER_TASK" -- \
    munas $command --backend "ray:$address"
