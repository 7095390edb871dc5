//! Guests of a few instructions: one that works, and the same with a loop, a storm or a bomb in any function that the
//! host calls. Each ends in the right error, by fuel or by the clock, and others go on meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};

use super::refusals::{custom, function_type, import, list, name, number, section};
use super::*;
use crate::clock::{Clock, SystemClock};
use crate::error::ErrorKind;

const MANIFEST: &str = r#"{"abi":1,"sdk":"none","functions":[{"kind":"transform","name":"f","input":[],"output":[],"origin":false}]}"#;

// Instructions.
const END: u8 = 0x0b;
const DROP: u8 = 0x1a;
const LOG: [u8; 2] = [0x10, 0];
const RANDOM: [u8; 2] = [0x10, 1];
const WRITE: [u8; 2] = [0x10, 2];
const POLL: [u8; 2] = [0x10, 3];
const RESET: u8 = 5;

/// The code of what the host calls, without the last `end`.
struct Guest {
    initialize: Vec<u8>,
    alloc: Vec<u8>,
    reset: Vec<u8>,
    open: Vec<u8>,
    process: Vec<u8>,
    /// Of the function behind `alloc`.
    name: String,
}

impl Guest {
    /// Hands back the batch that it was given.
    fn new() -> Guest {
        Guest {
            initialize: Vec::new(),
            alloc: constant(1024),
            reset: Vec::new(),
            // The schema of no columns is the same for inputs and outputs: memory.copy of 48 bytes.
            open: [&[0x20, 2, 0x20, 1, 0x41, 48, 0xfc, 0x0a, 0, 0][..], &constant(0)].concat(),
            // i32.store of the call's batch as the result's columns.
            process: [&[0x20, 2, 0x20, 1, 0x36, 2, 0][..], &constant(0)].concat(),
            name: "alloc".into(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let types = [(2, 1), (0, 0), (4, 1), (3, 1), (2, 0)];
        let exports =
            ["wasmill_arena_alloc", "wasmill_arena_reset", "wasmill_open", "wasmill_process", "_initialize"];
        let export = |(index, text): (usize, &&str)| [name(text), vec![0, 4 + index as u8]].concat();
        let mut exports: Vec<_> = exports.iter().enumerate().map(export).collect();
        exports.push([name("memory"), vec![2, 0]].concat());
        let body = |code: &Vec<u8>| [number(code.len() + 2), vec![0], code.clone(), vec![END]].concat();
        let bodies = [&self.alloc, &self.reset, &self.open, &self.process, &self.initialize].map(body);
        let preview1 = "wasi_snapshot_preview1";
        [
            b"\0asm\x01\0\0\0".to_vec(),
            list(1, &types.map(|(params, results)| function_type(params, results))),
            list(
                2,
                &[
                    import("wasmill", "log", 4),
                    import(preview1, "random_get", 0),
                    import(preview1, "fd_write", 2),
                    import(preview1, "poll_oneoff", 2),
                ],
            ),
            list(3, &[0, 1, 2, 3, 1].map(|index| vec![index])),
            list(4, &[vec![0x70, 0, 1]]),
            list(5, &[vec![0, 1]]),
            list(7, &exports),
            list(10, &bodies),
            custom("wasmill.manifest", MANIFEST),
            section(0, [name("name"), list(1, &[[vec![4], name(&self.name)].concat()])].concat()),
        ]
        .concat()
    }
}

/// Puts a number on the stack. Numbers in code are signed, so that one more byte may be needed.
fn constant(mut value: usize) -> Vec<u8> {
    let mut bytes = vec![0x41];
    while value >= 0x40 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// The code over and over again.
fn forever(code: &[u8]) -> Vec<u8> {
    [&[3, 0x40], code, &[0x0c, 0, END]].concat()
}

fn call(runtime: &Arc<Runtime>, guest: &Guest) -> Result<Vec<Transformed>> {
    runtime.load(&guest.bytes())?.transform("f")?.open(MOMENT)?.process(&[], 3)
}

/// Every function that the host calls, as one that never comes back.
fn endless() -> Vec<(&'static str, Guest)> {
    // Behind the loop stands `unreachable`, for there is no result.
    let looped = [forever(&[]), vec![0]].concat();
    vec![
        ("_initialize", Guest { initialize: forever(&[]), ..Guest::new() }),
        ("arena_alloc", Guest { alloc: looped.clone(), ..Guest::new() }),
        ("arena_reset", Guest { reset: forever(&[]), ..Guest::new() }),
        ("open", Guest { open: looped.clone(), ..Guest::new() }),
        ("process", Guest { process: looped, ..Guest::new() }),
    ]
}

#[test]
fn a_guest_of_a_few_instructions_works() {
    let results = call(&runtime(), &Guest::new()).unwrap();
    assert_eq!((results[0].rows_out, results[0].columns.len()), (3, 0));
}

#[test]
fn a_loop_in_any_function_is_out_of_fuel() {
    for (function, guest) in endless() {
        let error = call(&runtime(), &guest).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::User);
        assert_eq!((error.fact("trap"), error.fact("call")), (Some("out of fuel"), Some(function)));
    }
}

/// The figure is printed: `cargo test -p wasmill --lib stopped_by_the_clock -- --nocapture`.
#[test]
fn a_loop_in_any_function_is_stopped_by_the_clock() {
    let patient = Limits { fuel_per_call: u64::MAX, deadline_ms: 100, instances: 4, ..limits() };
    let runtime = Runtime::new(patient, Compiler::Here).unwrap();
    for (function, guest) in endless() {
        let transform = runtime.load(&guest.bytes()).unwrap().transform("f").unwrap();
        let start = SystemClock.now_micros();
        let error = transform.open(MOMENT).and_then(|mut guest| guest.process(&[], 3)).unwrap_err();
        let took = SystemClock.now_micros() - start;
        println!("a loop in {function} was stopped after {took} us, with a deadline of 100000 us");
        assert_eq!((error.fact("trap"), error.fact("call")), (Some("deadline"), Some(function)));
    }
}

#[test]
fn storms_and_bombs_are_out_of_fuel() {
    // So little that a host that was not compiled for speed is done soon.
    let poor = Limits { fuel_per_call: 5_000_000, instances: 4, ..limits() };
    let runtime = Runtime::new(poor, Compiler::Here).unwrap();
    let storm = |arguments: &[usize], call: [u8; 2], has_result: bool| {
        let mut code: Vec<u8> = arguments.iter().flat_map(|argument| constant(*argument)).collect();
        code.extend(call);
        code.extend(has_result.then_some(DROP));
        forever(&code)
    };
    // ref.null func, so many, table.grow; and i32.const 1, memory.grow.
    let grow_table = |by: usize| [&[0xd0, 0x70][..], &constant(by), &[0xfc, 0x0f, 0, DROP]].concat();
    let grow_memory = [&constant(1)[..], &[0x40, 0, DROP]].concat();
    let fill = [constant(0), constant(1), constant(60_000), vec![0xfc, 0x0b, 0]].concat();
    for (what, code) in [
        ("log of long lines", storm(&[0, 65_536], LOG, false)),
        ("log of empty lines", storm(&[0, 0], LOG, false)),
        ("chance for all of memory", storm(&[0, 65_536], RANDOM, true)),
        ("chance for nothing", storm(&[0, 0], RANDOM, true)),
        ("writes of many empty pieces", storm(&[1, 0, 1_024, 0], WRITE, true)),
        ("waits for many clocks", storm(&[0, 60_000, 1_024, 60_100], POLL, true)),
        ("a table that grows a little", forever(&grow_table(1))),
        ("a table that grows at once", forever(&grow_table(100_000_000))),
        ("a memory that grows", forever(&grow_memory)),
        ("a memory that is filled", forever(&fill)),
    ] {
        let guest = Guest { reset: code, ..Guest::new() };
        let error = call(&runtime, &guest).unwrap_err();
        assert_eq!(
            (error.fact("trap"), error.fact("call")),
            (Some("out of fuel"), Some("arena_reset")),
            "{what}"
        );
    }
    let guest = Guest { reset: vec![0x10, RESET], ..Guest::new() };
    assert_eq!(call(&runtime, &guest).unwrap_err().fact("trap"), Some("stack overflow"));
}

#[test]
fn names_are_shown_and_do_not_grow() {
    // Each type of this C++ function is a template of two of the one before.
    let digit = |n: usize| char::from(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[n]);
    let doubled: String = (0..35).map(|n| format!("S_IS{0}_S{0}_E", digit(n))).collect();
    let cpp = format!("_Z1f1AIiiE{doubled}");
    let long = "n".repeat(100_000);
    for (name, shown) in [
        (cpp.as_str(), &cpp[..300]),
        (&long, &long[..500]),
        ("_ZN4text5split17h0123456789abcdefE", "text::split\n"),
        ("a\u{1b}[31m", "a\u{fffd}[31m"),
    ] {
        let guest = Guest { alloc: vec![0], name: name.into(), ..Guest::new() };
        let text = format!("{}\n", report(&call(&runtime(), &guest).unwrap_err()));
        assert!(text.contains(shown) && text.len() < 2_000, "{name}: {text}");
    }
}

#[test]
fn others_go_on_while_a_guest_does_not_come_back() {
    let patient = Limits { fuel_per_call: u64::MAX, deadline_ms: 300, instances: 4, ..limits() };
    let runtime = Runtime::new(patient, Compiler::Here).unwrap();
    let (_, endless) = endless().pop().unwrap();
    let good = runtime.load(&Guest::new().bytes()).unwrap().transform("f").unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let stuck = scope.spawn(|| {
            let error = call(&runtime, &endless).unwrap_err();
            is_over.store(true, Ordering::Release);
            error
        });
        let mut calls = 0;
        while calls == 0 || !is_over.load(Ordering::Acquire) {
            assert_eq!(good.open(MOMENT).unwrap().process(&[], 3).unwrap()[0].rows_out, 3);
            calls += 1;
        }
        println!("{calls} calls of another guest meanwhile");
        assert_eq!(stuck.join().unwrap().fact("trap"), Some("deadline"));
    });
}
