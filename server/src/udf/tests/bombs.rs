//! Small modules that would keep a compiler busy for long, or make it ask for gigabytes: refused by their shape, before
//! anything is compiled. What shape alone does not tell is left to the limits of whoever compiles.

use super::refusals::{Parts, list, number};
use super::*;
use crate::udf::inspect::inspect;

const I32: u8 = 0x7f;
const CONST_0: [u8; 2] = [0x41, 0];
const END: u8 = 0x0b;

/// A function with so many locals and this code.
fn body(locals: usize, code: &[u8]) -> Vec<u8> {
    [vec![1], number(locals), vec![I32], code.to_vec(), vec![0, END]].concat()
}

fn refused_for(body: Vec<u8>) -> String {
    let mut parts = Parts::new();
    parts.body = body;
    match inspect(&parts.bytes(), &limits()) {
        Ok(_) => "let in".into(),
        Err(error) => error.fact("what").map_or(report(&error), str::to_string),
    }
}

#[test]
fn bombs_are_refused_by_their_shape() {
    let empty_loop = [3, 0x40, END];
    let empty_block = [2, 0x40, END];
    let add = [0x20, 0, 0x41, 1, 0x6a, 0x21, 0];
    let branch = [CONST_0.as_slice(), &[0x0d, 0]].concat();
    let table =
        |targets: usize| [CONST_0.as_slice(), &[0x0e], &number(targets), &vec![0; targets + 1]].concat();
    let inside_a_loop = |code: Vec<u8>| [vec![3, 0x40], code, vec![END]].concat();
    for (what, locals, code) in [
        ("bytes of a function", 1, add.repeat((1 << 20) / 7)),
        ("locals times loops of functions", 2_000, empty_loop.repeat(2_083)),
        ("locals times loops of functions", 2_000, empty_loop.repeat(8_333)),
        ("locals of a function", 49_000, empty_block.repeat(5_000)),
        ("locals of a function", 49_000, empty_block.repeat(10_000)),
        ("locals times branches of functions", 4_990, empty_block.repeat(5_000)),
        ("locals times branches of functions", 4_990, inside_a_loop(branch.repeat(5_000))),
        ("locals times branches of functions", 4_990, table(4_000).repeat(2)),
        ("targets of a branch table", 1, table(333_333)),
        ("nested blocks of a function", 1, [[2, 0x40].repeat(5_000), vec![END; 5_000]].concat()),
        // Each of the four functions is modest, all together are not.
        ("locals times loops of functions", 2_000, empty_loop.repeat(200)),
        // A second or so of work, which the limits of whoever compiles see to.
        ("let in", 1, empty_block.repeat(143_000)),
        ("let in", 1, add.repeat((256 << 10) / 7)),
    ] {
        assert_eq!(refused_for(body(locals, &code)), what, "{locals} locals, {} bytes", code.len());
    }
}

#[test]
fn many_empty_functions_are_refused_by_their_number() {
    let functions = vec![vec![0]; 200_000];
    let bytes = [b"\0asm\x01\0\0\0".to_vec(), list(1, &[vec![0x60, 0, 0]]), list(3, &functions)].concat();
    let error = inspect(&bytes, &limits()).unwrap_err();
    assert_eq!((error.fact("what"), error.fact("found")), (Some("functions"), Some("200000")));
}
