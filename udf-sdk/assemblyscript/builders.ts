// Output columns that are being made, and the arrays of Arrow they become.

import { alloc, copyShort, zeros } from "./memory";

@unmanaged
export class ArrowArray {
  length: i64; nullCount: i64; offset: i64; buffersCount: i64; childrenCount: i64;
  buffers: usize; children: usize; dictionary: usize; release: usize; privateData: usize;
}

// A column that is being made. `values` are bits, values of `width` bytes, or the bytes of texts.
@unmanaged
export class Builder {
  width: u32; rows: u32; rowsMax: u32; nulls: u32;
  values: usize; valid: usize; offsets: usize;
  bytes: u32; bytesMax: u32;

  start(letter: u8, rows: u32): void {
    memory.fill(changetype<usize>(this), 0, offsetof<Builder>());
    this.rowsMax = max(rows, 64);
    this.width = widthOf(letter);
    if (letter == 0x75 || letter == 0x7a) {
      this.bytesMax = 16 * this.rowsMax;
      this.values = alloc(this.bytesMax);
      this.offsets = alloc(4 * (this.rowsMax + 1));
      store<u32>(this.offsets, 0);
    } else {
      this.values = alloc(this.width != 0 ? this.width * this.rowsMax : bitsBytes(this.rowsMax));
    }
  }

  // @ts-ignore: a decorator of AssemblyScript's
  @inline
  reserve(more: u32): void {
    if (this.rowsMax - this.rows < more) this.growRows(more);
  }

  private growRows(more: u32): void {
    const rows = this.rows, rowsMax = max(rows + more, 2 * this.rowsMax);
    if (this.offsets != 0) {
      this.offsets = grown(this.offsets, 4 * (rows + 1), 4 * (rowsMax + 1));
    } else if (this.width != 0) {
      this.values = grown(this.values, rows * this.width, rowsMax * this.width);
    } else {
      this.values = grown(this.values, bitsBytes(rows), bitsBytes(rowsMax));
    }
    this.rowsMax = rowsMax;
    if (this.valid != 0) this.makeValid();
  }

  growBytes(more: u32): void {
    const bytesMax = max(this.bytes + more, 2 * this.bytesMax);
    this.values = grown(this.values, this.bytes, bytesMax);
    this.bytesMax = bytesMax;
  }

  // Every row is valid until it is made null.
  private makeValid(): void {
    const valid = alloc(bitsBytes(this.rowsMax));
    memory.fill(valid, 0xff, bitsBytes(this.rowsMax));
    if (this.valid != 0) memory.copy(valid, this.valid, bitsBytes(this.rows));
    this.valid = valid;
  }

  // Makes the row that was just pushed null.
  markNull(): void {
    const row = this.rows - 1;
    if (this.valid == 0) this.makeValid();
    const byte = this.valid + (row >> 3);
    store<u8>(byte, load<u8>(byte) & ~(<u8>1 << <u8>(row & 7)));
    this.nulls++;
  }

  finish(): usize {
    if (this.offsets != 0) return arrayOf(this.rows, this.nulls, this.valid, this.offsets, this.values);
    return arrayOf(this.rows, this.nulls, this.valid, this.values, 0);
  }
}

@unmanaged
export class Out<T> extends Builder {
  // @ts-ignore: a decorator of AssemblyScript's
  @inline
  push(value: T): void {
    this.reserve(1);
    store<T>(this.values + (<usize>this.rows << alignof<T>()), value);
    this.rows++;
  }

  pushNull(): void {
    this.push(<T>0);
    this.markNull();
  }
}

@unmanaged
export class OutBools extends Builder {
  push(value: bool): void {
    this.reserve(1);
    const row = this.rows++, byte = this.values + (row >> 3);
    const before: u32 = (row & 7) != 0 ? <u32>load<u8>(byte) : 0;
    store<u8>(byte, before | (<u32>value << (row & 7)));
  }

  pushNull(): void {
    this.push(false);
    this.markNull();
  }
}

// DECIMAL without its point.
@unmanaged
export class OutDecimals extends Builder {
  push(low: u64, high: i64): void {
    this.reserve(1);
    const at = this.values + (<usize>this.rows << 4);
    store<u64>(at, low);
    store<i64>(at, high, 8);
    this.rows++;
  }

  pushNull(): void {
    this.push(0, 0);
    this.markNull();
  }
}

// STRING, which must be UTF-8, or BINARY.
@unmanaged
export class OutTexts extends Builder {
  // Pushes the bytes from `start` to before `end`.
  push(start: usize, end: usize): void {
    const bytes = <u32>(end - start);
    this.reserve(1);
    if (this.bytesMax - this.bytes < bytes) this.growBytes(bytes);
    copyShort(this.values + this.bytes, start, bytes);
    this.bytes += bytes;
    this.rows++;
    store<u32>(this.offsets + (<usize>this.rows << 2), this.bytes);
  }

  pushNull(): void {
    this.push(this.values, this.values);
    this.markNull();
  }

  // Pushes a string of AssemblyScript's own, which needs a runtime.
  pushString(text: string): void {
    const bytes = String.UTF8.byteLength(text);
    const at = alloc(bytes);
    String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, at);
    this.push(at, at + bytes);
  }
}

function bitsBytes(rows: u32): u32 { return (rows >> 3) + 1; }

function grown(old: usize, bytes: usize, bytesWanted: usize): usize {
  const at = alloc(bytesWanted);
  memory.copy(at, old, bytes);
  return at;
}

// The bytes of a value by the letter of its Arrow format; BOOLEAN has bits.
function widthOf(letter: u8): u32 {
  switch (letter) {
    case 0x62: return 0; // b
    case 0x63: return 1; // c
    case 0x73: return 2; // s
    case 0x69: case 0x66: return 4; // i f
    case 0x64: return 16; // d
    default: return 8; // l g
  }
}

export function arrayOf(rows: u32, nulls: u32, first: usize, second: usize, third: usize): usize {
  const array = changetype<ArrowArray>(zeros(offsetof<ArrowArray>() + 3 * sizeof<usize>()));
  array.buffers = changetype<usize>(array) + offsetof<ArrowArray>();
  store<usize>(array.buffers, first, 0);
  store<usize>(array.buffers, second, 4);
  store<usize>(array.buffers, third, 8);
  array.length = rows;
  array.nullCount = nulls;
  array.buffersCount = 1 + i64(second != 0) + i64(third != 0);
  return changetype<usize>(array);
}
