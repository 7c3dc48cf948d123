//! The report of `doorward check`: a line for each check.

use std::fmt;

use serde_json::{Value, json};

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It works.
    Ok,
    /// It works, but not as well as it could, or it may fail.
    Warning,
    /// People can't sign in, or soon won't be able to.
    Fault,
    /// The check came to no result.
    Unknown,
}

/// The result of one check.
#[derive(Debug)]
pub struct Finding {
    check: &'static str,
    verdict: Verdict,
    message: String,
    /// How to fix it.
    fix: Option<String>,
}

impl Finding {
    /// It works.
    pub fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Finding::new(check, Verdict::Ok, message, None)
    }

    /// It works, with a reservation.
    pub fn warning(
        check: &'static str,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Finding::new(check, Verdict::Warning, message, Some(fix.into()))
    }

    /// It does not work.
    pub fn fault(check: &'static str, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Finding::new(check, Verdict::Fault, message, Some(fix.into()))
    }

    /// No result, and why.
    pub fn unknown(check: &'static str, why: impl Into<String>) -> Self {
        Finding::new(check, Verdict::Unknown, why, None)
    }

    fn new(
        check: &'static str,
        verdict: Verdict,
        message: impl Into<String>,
        fix: Option<String>,
    ) -> Self {
        Finding {
            check,
            verdict,
            message: message.into(),
            fix,
        }
    }
}

/// All findings.
pub struct Report(pub Vec<Finding>);

impl Report {
    /// Whether nothing is at fault.
    pub fn is_well(&self) -> bool {
        self.count(Verdict::Fault) == 0
    }

    fn count(&self, verdict: Verdict) -> usize {
        let Report(findings) = self;
        findings.iter().filter(|it| it.verdict == verdict).count()
    }

    /// For programs.
    pub fn as_json(&self) -> Value {
        let Report(findings) = self;
        let checks: Vec<Value> = findings
            .iter()
            .map(|finding| {
                json!({
                    "check": finding.check,
                    "verdict": finding.verdict.for_programs(),
                    "message": finding.message,
                    "fix": finding.fix,
                })
            })
            .collect();
        json!({
            "ok": self.is_well(),
            "faults": self.count(Verdict::Fault),
            "warnings": self.count(Verdict::Warning),
            "unknown": self.count(Verdict::Unknown),
            "checks": checks,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report(findings) = self;
        for Finding {
            check,
            verdict,
            message,
            fix,
        } in findings
        {
            let verdict = verdict.for_people();
            write!(f, "{verdict:10}  {check:13}  {message}.")?;
            match fix {
                Some(fix) => writeln!(f, " Fix: {fix}.")?,
                None => writeln!(f)?,
            }
        }
        let (faults, warnings) = (self.count(Verdict::Fault), self.count(Verdict::Warning));
        let unknown = self.count(Verdict::Unknown);
        writeln!(
            f,
            "Faults: {faults}. Warnings: {warnings}. Can't tell: {unknown}."
        )
    }
}

impl Verdict {
    fn for_people(self) -> &'static str {
        match self {
            Verdict::Unknown => "can't tell",
            verdict => verdict.for_programs(),
        }
    }

    fn for_programs(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Warning => "warning",
            Verdict::Fault => "fault",
            Verdict::Unknown => "unknown",
        }
    }
}
