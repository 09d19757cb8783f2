# Shared by `.ci/run` and `.ci/release`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export RUST_BACKTRACE=0
# One build from nothing to the end: incremental files would only fill the disk.
export CARGO_INCREMENTAL=0
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
export CARGO_TARGET_DIR=$target

# Makes `target/<name>`: this crate, by links, with a Cargo.toml that went through the given command.
variant() {
    local folder=$target/$1
    shift
    rm -rf "$folder"
    mkdir -p "$folder"
    ln -s "$PWD"/{src,tests,examples,benches,README.md,clippy.toml} "$folder"
    "$@" < Cargo.toml > "$folder/Cargo.toml"
    # The lock file names the crate itself where the manifest does.
    grep -v '^ "jobfeed",$' Cargo.lock > "$folder/Cargo.lock"
}

# Runs the named steps in order and says how long each took.
run_steps() {
    local step
    for step; do
        echo "== $step"
        SECONDS=0
        "$step"
        echo "== $step: ${SECONDS} s"
    done
}
