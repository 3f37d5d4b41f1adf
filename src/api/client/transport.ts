/** Bytes to upload: a file of the browser, or a stream. `bytes` is the size, if known. */
export type Upload = Readonly<{
  content: Blob | Uint8Array | AsyncIterable<Uint8Array>
  bytes?: number
  /** Told how many bytes were handed to the network so far. */
  onProgress?: (sent: number) => void
}>

export type TransportRequest = Readonly<{
  method: string
  /** With the query, from `/` on. */
  path: string
  headers: Readonly<Record<string, string>>
  body?: string | Upload | undefined
  signal?: AbortSignal | undefined
}>

export type TransportResponse = Readonly<{
  status: number
  /** A header of the answer by its lower-case name. */
  header(name: string): string | undefined
  /** Read it to the end or call `cancel`: an answer left alone keeps its connection. */
  body: AsyncIterable<Uint8Array>
  cancel(): void
}>

/** Carries one request to the server. Rejects with `ApiProblem` (`unreachable`) when there is no answer. */
export type Transport = (request: TransportRequest) => Promise<TransportResponse>

export async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of body) text += decoder.decode(chunk, { stream: true })
  return text + decoder.decode()
}
