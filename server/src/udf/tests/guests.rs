//! Random modules: valid by themselves, and some with the exports of the ABI and calls of the host, so that they are
//! let in and run. Whatever they do ends in a result or in an error that is the user's.

use arbitrary::Unstructured;
use wasm_smith::{Config, Module as Smithed};

use super::refusals::{Parts, custom, import, list};
use super::*;
use crate::error::ErrorKind;
use crate::udf::upload::outcome;

/// Functions of every kind, so that a guest is called in every way.
const MANIFEST: &str = r#"{"abi":1,"sdk":"none","functions":[
    {"kind":"transform","name":"a","input":[{"name":"x","type":"BIGINT"}],"output":[{"name":"y","type":"STRING"}],"origin":true},
    {"kind":"aggregate","name":"b","input":[{"name":"x","type":"STRING"}],"state":[{"name":"s","type":"BINARY"}],"output":[{"name":"y","type":"INT"}]},
    {"kind":"group","name":"c","key":[],"input":[{"name":"x","type":"ARRAY<INT>"}],"state":[{"name":"s","type":"INT"}],"output":[],"time":"event"}]}"#;

fn chance(noise: &mut Noise, bytes: usize) -> Vec<u8> {
    (0..bytes).map(|_| noise.next() as u8).collect()
}

/// A valid module of no particular shape, in which everything may be switched on that a guest may not have.
pub fn modules(noise: &mut Noise) -> Vec<u8> {
    let everything = noise.below(2) == 0;
    let config = Config {
        max_funcs: 6,
        max_instructions: 40,
        max_imports: noise.below(3),
        max_data_segments: 5,
        max_element_segments: 5,
        generate_custom_sections: true,
        gc_enabled: everything,
        exceptions_enabled: everything,
        threads_enabled: everything,
        memory64_enabled: everything,
        tail_call_enabled: everything,
        relaxed_simd_enabled: everything,
        max_memories: 1 + usize::from(everything),
        ..Config::default()
    };
    smithed(noise, config)
}

fn smithed(noise: &mut Noise, config: Config) -> Vec<u8> {
    let bytes = chance(noise, 600);
    match Smithed::new(config, &mut Unstructured::new(&bytes)) {
        Ok(module) => module.to_bytes(),
        // The chance was used up before there was a whole module.
        Err(_) => b"\0asm\x01\0\0\0".to_vec(),
    }
}

/// A module with the exports that a guest has, which calls the host at random.
fn guest(noise: &mut Noise) -> Vec<u8> {
    let mut host = Parts::new();
    let from_preview1 = ["random_get", "fd_write", "poll_oneoff", "proc_exit", "clock_time_get"];
    host.imports = vec![import("wasmill", "log", 5)];
    host.imports.extend(
        from_preview1
            .iter()
            .zip([0, 2, 2, 6, 4])
            .map(|(name, type_index)| import("wasi_snapshot_preview1", name, type_index)),
    );
    // What the imports need: (i32, i64, i32) -> i32, (i32, i32) -> (), (i32) -> ().
    host.types.extend([
        vec![0x60, 3, 0x7f, 0x7e, 0x7f, 1, 0x7f],
        vec![0x60, 2, 0x7f, 0x7f, 0],
        vec![0x60, 1, 0x7f, 0],
    ]);
    let imports = [b"\0asm\x01\0\0\0".to_vec(), list(1, &host.types), list(2, &host.imports)].concat();
    let config = Config {
        available_imports: Some(imports),
        exports: Some(Parts::new().bytes()),
        allow_start_export: false,
        max_funcs: 8,
        max_instructions: 200,
        max_table_elements: 100,
        // Those that are exported come besides.
        max_memories: 0,
        // Smith's have references to objects of the host among them.
        reference_types_enabled: false,
        gc_enabled: false,
        exceptions_enabled: false,
        threads_enabled: false,
        memory64_enabled: false,
        tail_call_enabled: false,
        relaxed_simd_enabled: false,
        ..Config::default()
    };
    [smithed(noise, config), custom("wasmill.manifest", MANIFEST)].concat()
}

/// Opens and calls every function of a module that was let in.
pub fn run_every_function(bytes: &[u8]) -> Vec<String> {
    static RUNTIME: OnceLock<Arc<Runtime>> = OnceLock::new();
    let few =
        || Limits { fuel_per_call: 1 << 20, fuel_per_row: 0, fuel_per_byte: 0, instances: 8, ..limits() };
    let runtime = RUNTIME.get_or_init(|| Runtime::new(few(), Compiler::Here).unwrap());
    let module = match runtime.load(bytes) {
        Ok(module) => module,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::User, "{error}");
            return vec![error.report()];
        }
    };
    let functions = module.manifest().functions.iter().take(3);
    let run = |function| match outcome(&module, function, MOMENT) {
        Ok(_) => "opened".to_string(),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::User, "{error}");
            error.fact("trap").or(error.fact("why")).unwrap_or(error.message()).to_string()
        }
    };
    functions.map(run).collect()
}

#[test]
fn random_guests_are_harmless() {
    let seed = seed();
    let mut noise = Noise(seed);
    let mut endings = std::collections::BTreeMap::new();
    for _ in 0..150 {
        for ending in run_every_function(&guest(&mut noise)) {
            *endings.entry(ending).or_insert(0) += 1;
        }
    }
    println!("seed {seed}: {endings:?}");
    assert!(endings.len() > 3, "{endings:?}");
    assert!(runtime().load(&Parts::new().bytes()).is_ok());
}
