/** Every limit of the IPMI server, in one place. Times in milliseconds. */

/** IPMI 2.0 §6.12.15: a session that is silent for 60 s ± 3 s ends. */
export const IDLE_MS = 60_000
/** Between Open Session and RAKP message 3. */
export const HALF_OPEN_MS = 10_000
/** Logins under way: of all, and from one address. When there is no room left the oldest of all gives way. */
export const MOST_HALF_OPEN = 4096
export const MOST_HALF_OPEN_OF_ADDRESS = 256
/** Sessions of one BMC (handles have 6 bits), and of one client address on one BMC. */
export const MOST_SESSIONS_OF_BMC = 32
export const MOST_SESSIONS_OF_ADDRESS_ON_BMC = 16
/** One address may hold this part of all sessions, so that others find room. */
export const SHARE_OF_ADDRESS = 0.9
/** Commands that run at a time for one session; more are answered `busy`. */
export const MOST_RUNNING = 8
/** A command that takes longer is answered `timeout`. Back ends end within 30 s by themselves. */
export const ANSWER_MS = 28_000
/** How long, and for how many of the newest requests of a session, an answer is kept for retries. */
export const KEPT_ANSWER_MS = 5_000
export const KEPT_ANSWERS = 8
/** Failed logins: so many at once from one address, then one per so long. First on one BMC, then on all of them. */
export const GUESSES_ON_BMC = { burst: 10, everyMs: 6_000 } as const
export const GUESSES_OF_ADDRESS = { burst: 200, everyMs: 500 } as const
/** Addresses whose failures are remembered; the one that is quiet for longest is forgotten first. */
export const MOST_GUESSERS = 4096
/** A login that works is written to the log once in so long for each account and address. */
export const LOGIN_NOTED_MS = 3_600_000
export const MOST_LOGINS_NOTED = 64
/** What the machine printed and the client has not taken yet. The oldest is dropped beyond it. */
export const MOST_SOL_WAITING_BYTES = 65_536
