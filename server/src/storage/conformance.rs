//! What every storage must do, as one suite: run it on each implementation and on each real service.
//! For tests; it changes only what is below the root it is given.

use std::sync::Barrier;

use super::{FileStatus, Renamed, Storage};
use crate::error::{Error, Result};

const WRITERS: usize = 4;
const ROUNDS: usize = 3;

/// Runs the suite below `root`, a directory that may be missing and is left behind empty of the suite's files.
pub fn conformance(storage: &dyn Storage, root: &str) -> Result<()> {
    let root = format!("{}/conformance", root.trim_end_matches('/'));
    storage.delete(&root)?;
    nothing_there(storage, &root)?;
    whole_files(storage, &root)?;
    growing_files(storage, &root)?;
    parts_of_files(storage, &root)?;
    renames(storage, &root)?;
    directories(storage, &root)?;
    wrong_kinds(storage, &root)?;
    one_of_two_writers_wins(storage, &root)?;
    one_of_two_renames_wins(storage, &root)?;
    check(storage.delete(&root)?, "the root was deleted")?;
    check(storage.status(&root)?.is_none(), "nothing is left")
}

fn check(fact: bool, what: &str) -> Result<()> {
    if fact { Ok(()) } else { Err(Error::internal(format!("a storage does not conform: {what}"))) }
}

fn names(entries: &[FileStatus]) -> Vec<&str> {
    entries.iter().map(|entry| super::file_name(&entry.path)).collect()
}

fn nothing_there(storage: &dyn Storage, root: &str) -> Result<()> {
    check(storage.read(root)?.is_none(), "nothing is read where nothing is")?;
    check(storage.status(root)?.is_none(), "nothing has no status")?;
    check(storage.list(root)?.is_empty(), "a missing directory lists nothing")?;
    check(!storage.delete(root)?, "nothing is deleted where nothing is")?;
    check(storage.open(root).is_err(), "a missing file does not open")
}

fn whole_files(storage: &dyn Storage, root: &str) -> Result<()> {
    let path = format!("{root}/whole/a b%20#ü");
    check(storage.create_if_absent(&path, b"one")?, "a new file is made, with its directories")?;
    check(!storage.create_if_absent(&path, b"two")?, "a name that is taken is refused")?;
    check(storage.read(&path)?.as_deref() == Some(b"one"), "the first content stays")?;
    storage.replace(&path, b"three")?;
    check(storage.read(&path)?.as_deref() == Some(b"three"), "replaced content is read")?;
    storage.replace(&format!("{root}/whole/new/empty"), b"")?;
    let empty = storage.read(&format!("{root}/whole/new/empty"))?;
    check(empty.as_deref() == Some(b""), "an empty file is not a missing one")?;
    let status = storage.status(&path)?;
    let fine = status.is_some_and(|s| s.size == 5 && !s.is_dir && s.path == path && s.modified_ms > 0);
    check(fine, "the status of a file is right")?;
    let listed = storage.list(&format!("{root}/whole"))?;
    check(names(&listed) == ["a b%20#ü", "new"], "no temporary file is left, names are plain")
}

fn growing_files(storage: &dyn Storage, root: &str) -> Result<()> {
    let path = format!("{root}/growing/.hidden");
    for (pieces, bytes) in [(1_usize, 10_usize), (70, 65_537), (0, 0)] {
        let mut writer = storage.create(&path)?;
        let mut whole = Vec::new();
        for piece in 0..pieces {
            let content = vec![piece as u8; bytes];
            writer.write_all(&content).map_err(|error| Error::internal("write").because(error))?;
            whole.extend(content);
        }
        check(writer.close()? == whole.len() as u64, "close returns the size")?;
        check(storage.read(&path)?.as_deref() == Some(&whole[..]), "what was written is read")?;
    }
    drop(storage.create(&path)?);
    let writer = storage.create(&path)?;
    check(writer.close()? == 0, "a dropped writer leaves no lock")
}

fn parts_of_files(storage: &dyn Storage, root: &str) -> Result<()> {
    let path = format!("{root}/parts");
    let content: Vec<u8> = (0..100_000_u32).map(|i| (i % 251) as u8).collect();
    storage.replace(&path, &content)?;
    let file = storage.open(&path)?;
    check(file.size() == 100_000, "an open file knows its size")?;
    for (offset, length) in [(0, 0), (0, 10), (65_530, 20), (99_999, 1), (100_000, 0), (0, 100_000)] {
        let bytes = file.read_at(offset as u64, length)?;
        check(bytes[..] == content[offset..offset + length], "a part is read")?;
    }
    for (offset, length) in [(99_999, 2), (100_001, 0), (u64::MAX, 1)] {
        check(file.read_at(offset, length).is_err(), "reading past the end fails")?;
    }
    Ok(())
}

fn renames(storage: &dyn Storage, root: &str) -> Result<()> {
    let (a, b, c) = (format!("{root}/r/a"), format!("{root}/r/deep/er/b"), format!("{root}/r/c"));
    storage.replace(&a, b"a")?;
    storage.replace(&c, b"c")?;
    check(storage.rename(&a, &c)? == Renamed::TargetExists, "a rename never overwrites")?;
    check(storage.read(&c)?.as_deref() == Some(b"c"), "the target was left alone")?;
    check(storage.read(&a)?.as_deref() == Some(b"a"), "the source stays when the rename is refused")?;
    check(storage.rename(&a, &b)? == Renamed::Done, "a rename makes directories")?;
    check(storage.read(&b)?.as_deref() == Some(b"a") && storage.status(&a)?.is_none(), "a rename moves")?;
    check(storage.rename(&a, &b)? == Renamed::SourceMissing, "a missing source is told")?;
    let fresh = format!("{root}/r/fresh/d");
    check(storage.rename(&a, &fresh)? == Renamed::SourceMissing, "also towards a fresh place")
}

fn directories(storage: &dyn Storage, root: &str) -> Result<()> {
    let dir = format!("{root}/dirs/x/y");
    storage.make_dirs(&dir)?;
    storage.make_dirs(&dir)?;
    check(storage.status(&dir)?.is_some_and(|status| status.is_dir), "a directory is one")?;
    storage.replace(&format!("{root}/dirs/b"), b"")?;
    storage.replace(&format!("{root}/dirs/a"), b"")?;
    let listed = storage.list(&format!("{root}/dirs"))?;
    check(names(&listed) == ["a", "b", "x"], "a listing is sorted and not recursive")?;
    let kinds: Vec<bool> = listed.iter().map(|entry| entry.is_dir).collect();
    check(kinds == [false, false, true], "a listing tells directories")?;
    check(storage.delete(&format!("{root}/dirs"))?, "a directory is deleted with what is below")?;
    check(storage.status(&dir)?.is_none(), "what was below is gone")
}

fn wrong_kinds(storage: &dyn Storage, root: &str) -> Result<()> {
    let (dir, file) = (format!("{root}/kind/dir"), format!("{root}/kind/file"));
    storage.make_dirs(&dir)?;
    storage.replace(&file, b"x")?;
    check(storage.read(&dir).is_err(), "a directory is not read")?;
    check(storage.open(&dir).is_err(), "a directory does not open")?;
    check(storage.list(&file).is_err(), "a file is not listed")?;
    check(storage.make_dirs(&file).is_err(), "a file does not become a directory")?;
    check(storage.replace(&dir, b"x").is_err(), "a directory is not replaced by a file")?;
    check(storage.status(&format!("{file}/below"))?.is_none(), "nothing is below a file")
}

fn one_of_two_writers_wins(storage: &dyn Storage, root: &str) -> Result<()> {
    for round in 0..ROUNDS {
        let path = format!("{root}/race/{round}");
        let won = race(&|writer| storage.create_if_absent(&path, &[writer as u8; 1000]))?;
        let winners: Vec<usize> = (0..WRITERS).filter(|writer| won[*writer]).collect();
        check(winners.len() == 1, "exactly one of the writers at once wins")?;
        let content = storage.read(&path)?;
        check(content.as_deref() == Some(&[winners[0] as u8; 1000]), "the winner's content is there")?;
    }
    let listed = storage.list(&format!("{root}/race"))?;
    check(listed.len() == ROUNDS, "the losers leave nothing behind")
}

fn one_of_two_renames_wins(storage: &dyn Storage, root: &str) -> Result<()> {
    for writer in 0..WRITERS {
        storage.replace(&format!("{root}/move/{writer}"), &[writer as u8])?;
    }
    let to = format!("{root}/move/target");
    let won = race(&|writer| Ok(storage.rename(&format!("{root}/move/{writer}"), &to)? == Renamed::Done))?;
    check(won.iter().filter(|won| **won).count() == 1, "exactly one of the renames at once wins")
}

/// Runs `attempt` on several threads that start together; its results by writer.
fn race(attempt: &(dyn Fn(usize) -> Result<bool> + Sync)) -> Result<Vec<bool>> {
    let start = Barrier::new(WRITERS);
    std::thread::scope(|scope| {
        let start = &start;
        let threads: Vec<_> = (0..WRITERS)
            .map(|writer| {
                scope.spawn(move || {
                    start.wait();
                    attempt(writer)
                })
            })
            .collect();
        let joined = threads.into_iter().map(|thread| match thread.join() {
            Ok(result) => result,
            Err(_) => Err(Error::internal("a writer panicked")),
        });
        joined.collect()
    })
}
