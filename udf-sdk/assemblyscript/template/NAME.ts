// NAME: functions for wasmill. Each has a line above it with its columns.
import { Call } from "./wasmill";

// The words of a line: what stands between spaces.
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
