//! What the fuzz targets in `fuzz/` call, with input that libFuzzer makes up: a panic is a finding. cargo-fuzz builds it
//! with `--cfg fuzzing`; `make test` runs it with the seeds alone.

mod gateway;
mod handover;
mod http1;
mod provider;
mod session;

pub use gateway::{asked, place, rules};
pub use handover::handover;
pub use http1::requests;
pub use provider::{discovery, id_token, keys, response, response_head};
pub use session::{cookie_header, cookies, return_to};

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    type Target = fn(&[u8]);

    const TARGETS: [(&str, Target); 13] = [
        ("asked", asked),
        ("cookie_header", cookie_header),
        ("cookies", cookies),
        ("discovery", discovery),
        ("handover", handover),
        ("id_token", id_token),
        ("keys", keys),
        ("place", place),
        ("requests", requests),
        ("response", response),
        ("response_head", response_head),
        ("return_to", return_to),
        ("rules", rules),
    ];

    fn names_in(folder: &str) -> Vec<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn each_target_has_a_program_and_seeds_and_finds_nothing_in_them() {
        let names = TARGETS.map(|(name, _)| name);
        assert_eq!(names_in("fuzz/fuzz_targets"), names);
        assert_eq!(names_in("fuzz/corpus"), names);
        let manifest = include_str!("../../../fuzz/Cargo.toml");
        for (name, target) in TARGETS {
            assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
            for seed in names_in(&format!("fuzz/corpus/{name}")) {
                let file = format!("fuzz/corpus/{name}/{seed}.seed");
                let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
                target(&std::fs::read(file).unwrap());
            }
        }
    }
}
