//! `scripts/axe` with the real curl, and a package that is made here.

use super::checkout::Checkout;

/// The package as npm's registry has it, in the folder `registry`, and its line in `tests/axe.txt`.
const MAKE: &str = "mkdir -p package registry/axe-core/- && echo it runs >package/axe.min.js && echo MPL >package/LICENSE && \
     tar -czf registry/axe-core/-/axe-core-1.0.0.tgz package && \
     { echo '# Said.'; echo 1.0.0 $(sha512sum <registry/axe-core/-/axe-core-1.0.0.tgz | cut -d' ' -f1); } >tests/axe.txt";

fn checkout() -> Checkout {
    Checkout::new("axe", &["sh", "-c", MAKE])
}

/// No network: the registry is a folder.
fn fetch(checkout: &Checkout) -> (bool, String) {
    let registry = format!("file://{}/", checkout.path("registry").display());
    checkout.run(&[("npm_config_registry", &registry)])
}

#[test]
fn axe_is_fetched_once() {
    let checkout = checkout();
    let (succeeds, said) = fetch(&checkout);
    assert!(succeeds, "{said}");
    assert_eq!(said, "Fetching axe-core 1.0.0\n");
    let axe = std::fs::read_to_string(checkout.path("target/axe/axe.min.js"));
    assert_eq!(axe.unwrap(), "it runs\n");
    std::fs::remove_dir_all(checkout.path("registry")).unwrap();
    assert_eq!(fetch(&checkout), (true, String::new()));
}

#[test]
fn an_axe_with_another_hash_is_not_used() {
    let checkout = checkout();
    let other = format!("1.0.0 {}\n", "0".repeat(128));
    std::fs::write(checkout.path("tests/axe.txt"), other).unwrap();
    let (succeeds, said) = fetch(&checkout);
    assert!(!succeeds && said.contains("its SHA-512 differs"), "{said}");
    assert!(!checkout.path("target/axe/axe.min.js").exists());
}

#[test]
fn an_axe_that_can_not_be_fetched_is_named() {
    let checkout = checkout();
    std::fs::remove_dir_all(checkout.path("registry")).unwrap();
    let (succeeds, said) = fetch(&checkout);
    assert!(
        !succeeds && said.contains("axe-core can't be fetched from file://"),
        "{said}"
    );
}

/// As several test runs do.
#[test]
fn of_several_at_once_one_fetches_axe() {
    let checkout = checkout();
    let said = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..6).map(|_| scope.spawn(|| fetch(&checkout))).collect();
        let ended = runs.into_iter().map(|run| run.join().unwrap());
        ended.collect::<Vec<_>>()
    });
    assert!(said.iter().all(|(succeeds, _)| *succeeds), "{said:?}");
    let fetched = said.iter().filter(|(_, said)| !said.is_empty());
    assert_eq!(fetched.count(), 1, "{said:?}");
}

#[test]
fn what_an_interrupted_run_has_left_is_in_nobodys_way() {
    let checkout = checkout();
    let left = checkout.path("target/axe/fetching/package");
    std::fs::create_dir_all(&left).unwrap();
    std::fs::write(left.join("axe.min.js"), "half").unwrap();
    let (succeeds, said) = fetch(&checkout);
    assert!(succeeds, "{said}");
    let axe = std::fs::read_to_string(checkout.path("target/axe/axe.min.js"));
    assert_eq!(axe.unwrap(), "it runs\n");
}
