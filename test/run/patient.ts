import { vi } from 'vitest'

/** What is waited for is there at once on a quiet computer; the second that is vitest's rule is too short for a busy one. */
const PATIENCE_MS = 60_000

const { waitFor } = vi
vi.waitFor = (callback, options) =>
  waitFor(callback, typeof options === 'number' ? options : { timeout: PATIENCE_MS, ...options })
