// words-assemblyscript: what `text` and `numbers` do, in AssemblyScript: the words of a line, and four rounds of a hash.
import { Call } from "../../../udf-sdk/assemblyscript";

// The words of a line: what stands between ASCII spaces. No word is empty; a null or blank line has none.
@flatMap("line STRING", "word STRING")
export function split_words(call: Call): void {
  const lines = call.inTexts(0), words = call.outTexts(0);
  for (let row = 0; row < call.rows; row++) {
    if (lines.isNull(row)) continue;
    let start = lines.start(row);
    const lineEnd = lines.end(row);
    for (let end = start; end <= lineEnd; end++) {
      if (end < lineEnd && load<u8>(end) != 0x20) continue;
      if (end > start) {
        words.push(start, end);
        call.emit(row);
      }
      start = end + 1;
    }
  }
}

// Four rounds of a 64-bit hash; null stays null.
@map("x BIGINT", "y BIGINT")
export function mix(call: Call): void {
  const x = call.in<i64>(0), y = call.out<i64>(0);
  for (let row = 0; row < call.rows; row++) {
    if (x.isNull(row)) y.pushNull();
    else y.push(mixed(x.at(row)));
  }
}

function mixed(number: u64): i64 {
  let x = number;
  for (let round = 0; round < 4; round++) x = (x ^ (x >> 31)) * 0x9e3779b97f4a7c15;
  return x ^ (x >> 29);
}
