//! A conformance suite for any implementation of Yamux.
//!
//! It plays raw frames against an endpoint that accepts every stream and echoes it: what comes is
//! sent back, and FIN after FIN. Each [`Case`] has a connection of its own.

pub mod case;
pub mod cases;
pub mod report;
pub mod target;
pub mod wire;

use std::time::{Duration, Instant};

use anyhow::Result;

use case::{Case, Outcome};
use report::CaseResult;
use target::Target;
use wire::Wire;

/// Plays one case against a target.
///
/// # Errors
/// When there is no connection to the target; what the target does is in the result.
pub async fn play(case: &Case, target: &mut Target, timeout: Duration) -> Result<CaseResult> {
    let io = target.connect().await?;
    let mut wire = Wire::new(io, target.suite_side(), timeout);
    let start = Instant::now();
    // An endpoint that is dead from the start would pass every case that it has to end.
    let outcome = match wire.barrier().await {
        Err(error) => Outcome::Failed(format!("at the start: {error:#}")),
        Ok(()) => match (case.play)(&mut wire).await {
            Ok(outcome) => case.judge(outcome),
            Err(error) => case.judge(Outcome::Failed(format!("{error:#}"))),
        },
    };
    Ok(CaseResult::new(case, outcome, start.elapsed(), wire.into_log()))
}
