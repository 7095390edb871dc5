// Memory of a batch: blocks that are handed out from their start, and one block of their size left after it. Needs a
// heap only for the blocks, so that every runtime of AssemblyScript will do.

const ALIGN: usize = 64;
// Behind every buffer so many bytes may be read or written, so that a copy need not stop at the last byte.
const PADDING: usize = 16;
const BLOCK_MIN: usize = 64 * 1024;

let block: usize = 0, blockSize: usize = 0, used: usize = 0;
// Bytes of the earlier blocks of this batch, and the chain of them: each begins with the address of the one before.
let earlierSize: usize = 0, earlier: usize = 0;

// Memory until the end of the batch, not zeroed.
export function alloc(bytes: usize): usize {
  let at = (block + used + ALIGN - 1) & ~(ALIGN - 1);
  if (block == 0 || at + bytes + PADDING > block + blockSize) {
    if (block != 0) {
      store<usize>(block, earlier);
      earlier = block;
      earlierSize += blockSize;
    }
    blockSize = max(max(bytes + PADDING + 2 * ALIGN, earlierSize), BLOCK_MIN);
    block = heap.alloc(blockSize);
    // The first bytes are kept for the chain.
    at = (block + sizeof<usize>() + ALIGN - 1) & ~(ALIGN - 1);
  }
  used = at + bytes + PADDING - block;
  return at;
}

export function reset(): void {
  if (earlier != 0) {
    const size = earlierSize + blockSize;
    heap.free(block);
    while (earlier != 0) {
      const before = load<usize>(earlier);
      heap.free(earlier);
      earlier = before;
    }
    earlierSize = 0;
    blockSize = size;
    block = heap.alloc(size);
  }
  used = sizeof<usize>();
}

export function zeros(bytes: usize): usize {
  const at = alloc(bytes);
  memory.fill(at, 0, bytes);
  return at;
}

// Copies a short piece in one move. Behind the text of a batch and behind memory of the arena there is room for it.
// @ts-ignore: a decorator of AssemblyScript's
@inline
export function copyShort(to: usize, from: usize, bytes: usize): void {
  if (bytes > PADDING) {
    memory.copy(to, from, bytes);
  } else {
    store<u64>(to, load<u64>(from), 0);
    store<u64>(to, load<u64>(from, 8), 8);
  }
}
