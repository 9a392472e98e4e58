/** The same object, but for some of its members. */
export function overridden<T extends object>(inner: T, members: Partial<T>): T {
  return new Proxy(inner, {
    get: (target, name) => {
      if (name in members) return Reflect.get(members, name)
      const member: unknown = Reflect.get(target, name)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}
