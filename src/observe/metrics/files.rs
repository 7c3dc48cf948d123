//! The files that are read again when they change.

use std::sync::LazyLock;

use prometheus::{IntGaugeVec, Opts};

use super::{FITTING, METRICS, add};

static UNUSABLE: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    let unusable = IntGaugeVec::new(
        Opts::new(
            "doorward_file_unusable",
            "1 while a file that is read again when it changes can't be read or used, so that its last content stays in use.",
        ),
        &["setting"],
    );
    add(&METRICS.registry, unusable.expect(FITTING))
});

/// Whether what is in the file now can't be used. `setting` is a constant.
pub fn file_unusable(setting: &'static str, is_unusable: bool) {
    UNUSABLE
        .with_label_values(&[setting])
        .set(i64::from(is_unusable));
}
