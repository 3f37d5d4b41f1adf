/** Ends something that was started; resolves when it has ended. Calling it twice is harmless. */
export type Stop = () => Promise<void>
