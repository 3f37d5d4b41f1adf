/** A document of Butane and the Ignition that it makes, without the version. `language` makes its first two lines (`butaneText`). */
export type GoodDocument = readonly [language: string, body: string, ignition: Record<string, unknown>]

/** A document of Butane, what is told of it and where: `«` stands before the place. */
export type BadDocument = readonly [language: string, body: string, path: string, message: string, hint?: string]

export function butaneText(language: string, body: string): string {
  const [variant, version] = language.split(' ')
  return language === '' ? body : `variant: ${variant}\nversion: ${version}\n${body}`
}
