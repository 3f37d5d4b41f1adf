import { Document, visit } from 'yaml'

/** As YAML for people, that is read back as it was. */
export function yamlOf(value: unknown): string {
  // No anchors: what is the same in two places must not become one thing for whoever edits it.
  const document = new Document(value, { aliasDuplicateObjects: false })
  visit(document, {
    Scalar: (_, scalar) => {
      // As a block, blank lines would lose their spaces.
      if (typeof scalar.value === 'string' && /^\s*\n\s*$/.test(scalar.value)) scalar.type = 'QUOTE_DOUBLE'
    },
  })
  return document.toString({ lineWidth: 0 })
}
