//! Digests and checksums of bytes.

use arrow::array::{Int64Builder, StringBuilder};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use crate::error::Result;
use crate::expression::coercion::unexpected_type;
use crate::expression::function::kernel::*;
use crate::expression::function::string::code::to_hex;
use crate::expression::registry::{Argument, Call, Function};
use crate::record::type_name;
use arrow::datatypes::DataType;

pub static FUNCTIONS: &[Function] = &[
    Function { names: &["md5"], resolve: |args| digest(args, "md5", hex::<Md5>) },
    Function { names: &["sha", "sha1"], resolve: |args| digest(args, "sha", hex::<Sha1>) },
    Function { names: &["sha2"], resolve: sha2 },
    Function { names: &["crc32"], resolve: crc32 },
];

fn hex<D: Digest>(bytes: &[u8]) -> String {
    to_hex(&D::digest(bytes)).to_lowercase()
}

/// Digests take bytes and text, no numbers.
fn check(name: &str, args: &[Argument], most: usize) -> Result<()> {
    count(name, args, most, most)?;
    match args[0].data_type {
        DataType::Binary | DataType::Utf8 | DataType::Null => Ok(()),
        other => Err(unexpected_type(name, 1, &type_name(&BINARY), other)),
    }
}

fn digest(args: &[Argument], name: &str, f: fn(&[u8]) -> String) -> Result<Call> {
    check(name, args, 1)?;
    let kernel = map1::<Bytes, StringBuilder, _>(STRING, move |bytes, out| {
        out.append_value(f(bytes));
        Ok(())
    });
    call(name, args, &[BINARY], STRING, kernel)
}

fn sha2(args: &[Argument]) -> Result<Call> {
    check("sha2", args, 2)?;
    let kernel = map2::<Bytes, Int, StringBuilder, _>(STRING, |bytes, bits, out| {
        match bits {
            224 => out.append_value(hex::<Sha224>(bytes)),
            0 | 256 => out.append_value(hex::<Sha256>(bytes)),
            384 => out.append_value(hex::<Sha384>(bytes)),
            512 => out.append_value(hex::<Sha512>(bytes)),
            _ => out.append_null(),
        }
        Ok(())
    });
    Ok(nullable(call("sha2", args, &[BINARY, INT], STRING, kernel)?))
}

fn crc32(args: &[Argument]) -> Result<Call> {
    check("crc32", args, 1)?;
    let kernel = map1::<Bytes, Int64Builder, _>(BIGINT, |bytes, out| {
        out.append_value(crc32fast::hash(bytes).into());
        Ok(())
    });
    call("crc32", args, &[BINARY], BIGINT, kernel)
}
