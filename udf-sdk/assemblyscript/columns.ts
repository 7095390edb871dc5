// Input columns. Each is the list of an array's buffers, seen as a struct, so that nothing is made of it.

@unmanaged
export class Column<T> {
  valid: usize; values: usize;

  mayHaveNulls(): bool { return this.valid != 0; }
  // The value of a null row means nothing.
  isNull(row: i32): bool { return isNullAt(this.valid, row); }
  at(row: i32): T { return load<T>(this.values + (<usize>row << alignof<T>())); }
  // The value, or something else in the place of null.
  or(row: i32, otherwise: T): T { return this.isNull(row) ? otherwise : this.at(row); }
}

@unmanaged
export class Bools {
  valid: usize; bits: usize;

  isNull(row: i32): bool { return isNullAt(this.valid, row); }
  at(row: i32): bool { return ((load<u8>(this.bits + (row >> 3)) >> <u8>(row & 7)) & 1) != 0; }
}

// DECIMAL without its point: the two halves of a 128-bit number of the smallest units.
@unmanaged
export class Decimals {
  valid: usize; values: usize;

  isNull(row: i32): bool { return isNullAt(this.valid, row); }
  low(row: i32): u64 { return load<u64>(this.values + (<usize>row << 4)); }
  high(row: i32): i64 { return load<i64>(this.values + (<usize>row << 4), 8); }
}

// STRING or BINARY.
@unmanaged
export class Texts {
  valid: usize; offsets: usize; data: usize;

  isNull(row: i32): bool { return isNullAt(this.valid, row); }
  // The bytes of a row are those from `start` to before `end`, to be read with `load<u8>`.
  start(row: i32): usize { return this.data + load<u32>(this.offsets + (<usize>row << 2)); }
  end(row: i32): usize { return this.data + load<u32>(this.offsets + (<usize>row << 2), 4); }
  // The row as a string of AssemblyScript's own, which needs a runtime.
  string(row: i32): string { return String.UTF8.decodeUnsafe(this.start(row), this.end(row) - this.start(row)); }
}

// @ts-ignore: a decorator of AssemblyScript's
@inline
function isNullAt(valid: usize, row: i32): bool {
  return valid != 0 && ((load<u8>(valid + (row >> 3)) >> <u8>(row & 7)) & 1) == 0;
}
