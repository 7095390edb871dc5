//! May a query with this checkpoint write on to this output? A decision without I/O, and the error texts that
//! tell a user what to do. Spark drops rows without a word in most of the cases refused here.

use crate::error::{Error, Result};
use crate::record::{BatchId, QueryId};
use crate::sink::CheckpointFacts;

/// What the output tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The query that owns the log, by its own word.
    pub owner: Option<QueryId>,
    /// The newest batch in the log.
    pub latest: Option<BatchId>,
    /// There are files or directories that readers without the log would see.
    pub has_data: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was published here: the query makes the output its own.
    Claim,
    /// The log is the query's and ends where the checkpoint says. A batch may have begun and not been published.
    Continue { unpublished: Option<BatchId> },
}

/// `User` error if the two do not belong together, `Data` error if they do but batches are missing.
pub fn judge(found: &Found, facts: &CheckpointFacts, output: &str) -> Result<Verdict> {
    let Some(latest) = found.latest else { return judge_empty(found, facts, output) };
    let refuse = |error: Error| Err(error.with("output", output).with("newest_in_output", latest));
    let is_ours = found.owner == Some(facts.query_id);
    if !is_ours {
        let owner = found.owner.map_or("unknown".to_string(), |owner| owner.to_string());
        let begun = if facts.planned.is_some() { "another checkpoint" } else { "a new checkpoint" };
        return refuse(
            Error::user(format!("the output was written with another checkpoint, this query has {begun}"))
                .with("output_of_query", owner)
                .with("query", facts.query_id)
                .detail(
                    "Going on would count batches from those of this checkpoint, and take rows for published that \
                     are not.",
                )
                .hint(
                    "set checkpointLocation to the checkpoint that the output was written with, or `path` to an \
                     empty directory",
                ),
        );
    }
    if facts.committed.is_some_and(|committed| committed > latest) {
        return refuse(
            Error::data("the output lacks batches that the checkpoint has committed")
                .with("committed", shown(facts.committed))
                .hint(
                    "restore the output's `_spark_metadata` and files from the same moment as the checkpoint; or \
                     start again with an empty output and a new checkpointLocation",
                ),
        );
    }
    if facts.planned.is_none_or(|planned| planned < latest) {
        return refuse(
            Error::data("the output holds batches that the checkpoint does not know")
                .with("newest_in_checkpoint", shown(facts.planned))
                .detail("The checkpoint is older than the output, as after a restore from a backup.")
                .hint(
                    "restore the newest checkpoint; or start again with an empty output and a new \
                     checkpointLocation",
                ),
        );
    }
    Ok(Verdict::Continue { unpublished: facts.planned.filter(|planned| *planned > latest) })
}

fn judge_empty(found: &Found, facts: &CheckpointFacts, output: &str) -> Result<Verdict> {
    let is_ours = found.owner == Some(facts.query_id);
    if let Some(committed) = facts.committed {
        let text = match is_ours {
            true => "the output has lost its log of published batches",
            false => "the checkpoint has committed batches that are not in this output",
        };
        return Err(Error::data(text).with("output", output).with("committed", committed).hint(
            "set `path` to the output that this checkpoint was written with; for a new output give a new \
                 checkpointLocation too, and the sources are read from their starting offsets again",
        ));
    }
    // Files of our own first batch, not yet published, are there when a start was interrupted.
    if found.has_data && !is_ours {
        return Err(Error::user("the output directory holds files that are not of a streaming query")
            .with("output", output)
            .detail("Spark and `wasmill show` would not see those files any more once there is a `_spark_metadata`.")
            .hint("write to an empty directory, or move the files away"));
    }
    match is_ours {
        true => Ok(Verdict::Continue { unpublished: facts.planned }),
        false => Ok(Verdict::Claim),
    }
}

fn shown(batch: Option<BatchId>) -> String {
    batch.map_or("none".to_string(), |batch| batch.to_string())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::error::ErrorKind;
    use crate::sink::testing::{QUERY, facts};

    const OTHER: QueryId = QueryId(Uuid::from_u128(2));

    #[test]
    fn what_belongs_together_goes_on_and_the_rest_is_refused() {
        use ErrorKind::{Data, User};
        let ours = Some(QUERY);
        let go_on = |unpublished| Ok(Verdict::Continue { unpublished });
        for (owner, latest, has_data, planned, committed, expected) in [
            // A first start, also in a directory that another query only claimed.
            (None, None, false, None, None, Ok(Verdict::Claim)),
            (Some(OTHER), None, false, None, None, Ok(Verdict::Claim)),
            (None, None, true, None, None, Err((User, "the output directory holds files"))),
            // Interrupted before batch 0 was published.
            (ours, None, false, None, None, go_on(None)),
            (ours, None, true, Some(0), None, go_on(Some(0))),
            // The output was deleted in that moment: nothing of it is lost.
            (None, None, false, Some(0), None, Ok(Verdict::Claim)),
            // All is well: done, published and not committed, begun.
            (ours, Some(4), true, Some(4), Some(4), go_on(None)),
            (ours, Some(5), true, Some(5), Some(4), go_on(None)),
            (ours, Some(4), true, Some(5), Some(4), go_on(Some(5))),
            (ours, Some(0), true, Some(0), None, go_on(None)),
            // An old checkpoint with a new output.
            (None, None, false, Some(4), Some(4), Err((Data, "the checkpoint has committed batches"))),
            (ours, None, true, Some(4), Some(4), Err((Data, "the output has lost its log"))),
            // A new checkpoint with an old output, or one of another query.
            (Some(OTHER), Some(4), true, None, None, Err((User, "the output was written with another"))),
            (
                Some(OTHER),
                Some(4),
                true,
                Some(4),
                Some(4),
                Err((User, "the output was written with another")),
            ),
            (None, Some(4), true, None, None, Err((User, "the output was written with another"))),
            // Behind and ahead of the checkpoint.
            (ours, Some(3), true, Some(4), Some(4), Err((Data, "the output lacks batches"))),
            (ours, Some(6), true, Some(5), Some(4), Err((Data, "the output holds batches"))),
            (ours, Some(6), true, None, None, Err((Data, "the output holds batches"))),
        ] {
            let found = Found { owner, latest, has_data };
            let verdict = judge(&found, &facts(planned, committed), "file:///out");
            match (&verdict, expected) {
                (Ok(verdict), Ok(expected)) => assert_eq!(*verdict, expected, "{found:?}"),
                (Err(error), Err((kind, text))) => {
                    assert_eq!(error.kind(), kind, "{error}");
                    assert!(error.message().starts_with(text), "{error}");
                    assert!(error.hint_text().is_some());
                }
                _ => panic!("{found:?}: {verdict:?}"),
            }
        }
    }
}
