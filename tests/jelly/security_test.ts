import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import {
  decodeValue,
  encodeValue,
  InsecureJelly,
  JellyRegistry,
  valueCodec,
} from "../../jelly/mod.ts";
import { defaultSecurity, DummySecurityOptions, SecurityOptions } from "../../jelly/security.ts";

class Till {
  static readonly jellyName = "shop.Till";
}
class Drawer extends Till {}

// Recorded from Twisted 22.4, with class Till in module shop: the names for which isTypeAllowed is
// true of SecurityOptions(), of the same after allowBasicTypes(), and after allowInstancesOf(Till)
const FRESH = [
  ...["None", "boolean", "unicode", "float", "datetime", "date", "time", "timedelta", "decimal"],
  ...["set", "frozenset", "string", "str", "int", "bool", "NoneType"],
  ...["a.B", ".", "twisted.spread.pb.CopyableFailure"],
];
const BASIC = [
  ...["dictionary", "list", "tuple", "reference", "dereference", "unpersistable", "persistent"],
  ...["long_int", "long", "dict"],
];
const INSTANCES = ["instance", "class", "classobj", "module"];
const NEVER = ["function", "method", "remote", "copy", "", "__proto__", "constructor"];
const ALL = [...FRESH, ...BASIC, ...INSTANCES, ...NEVER];

const allowedBy = (options: SecurityOptions) => ALL.filter((name) => options.isTypeAllowed(name));

Deno.test("SecurityOptions() allows the types that Twisted's allow", () => {
  assertEquals(allowedBy(new SecurityOptions()), FRESH);
});

Deno.test("SecurityOptions.allowBasicTypes() adds the types that Twisted's adds", () => {
  assertEquals(allowedBy(new SecurityOptions().allowBasicTypes()), [...FRESH, ...BASIC]);
  assertEquals(allowedBy(defaultSecurity()), [...FRESH, ...BASIC]);
});

Deno.test("SecurityOptions.allowInstancesOf() allows the class, its module and the types they need", () => {
  const options = new SecurityOptions().allowInstancesOf(Till);
  assertEquals(allowedBy(options), [...FRESH, ...BASIC, ...INSTANCES]);
  assert(options.isClassAllowed(Till));
  assert(options.isModuleAllowed("shop"));
});

Deno.test("SecurityOptions allows exact names only, and no subclasses, submodules or other case", () => {
  const options = new SecurityOptions().allowInstancesOf(Till).allowTypes("money");
  assertFalse(options.isClassAllowed(Drawer));
  for (const name of ["", "Shop", "shop.stock", "sho", "shop.", "constructor"]) {
    assertFalse(options.isModuleAllowed(name));
  }
  for (const name of ["Money", "money ", "mone"]) assertFalse(options.isTypeAllowed(name));
});

Deno.test("SecurityOptions.allowTypes() accepts names and classes", () => {
  class Plain {}
  const options = new SecurityOptions().allowTypes("money", Plain, Till);
  assert(options.isTypeAllowed("money"));
  assert(options.isTypeAllowed("Plain"));
  assertFalse(options.isTypeAllowed("Till"));
  assertFalse(options.isClassAllowed(Plain));
  assertThrows(() => options.allowTypes(class {}), TypeError, "Cannot name a class");
});

Deno.test("SecurityOptions.allowInstancesOf() of a class without a module allows its bare name", () => {
  class Plain {}
  const options = new SecurityOptions().allowInstancesOf(Plain);
  assert(options.isTypeAllowed("Plain"));
  assert(options.isModuleAllowed(""));
  assertFalse(options.isTypeAllowed("Other"));
});

Deno.test("SecurityOptions.allowModules() accepts several modules", () => {
  const options = new SecurityOptions().allowModules("shop", "shop.stock");
  assert(options.isModuleAllowed("shop"));
  assert(options.isModuleAllowed("shop.stock"));
  assertFalse(options.isClassAllowed(Till));
});

Deno.test("defaultSecurity() makes options that share nothing", () => {
  const options = defaultSecurity().allowTypes("money").allowInstancesOf(Till);
  assert(options.isTypeAllowed("money"));
  assertFalse(defaultSecurity().isTypeAllowed("money"));
  assertFalse(defaultSecurity().isClassAllowed(Till));
});

Deno.test("DummySecurityOptions allows everything", () => {
  const options = new DummySecurityOptions();
  assert(options.isTypeAllowed(""));
  assert(options.isModuleAllowed("os"));
  assert(options.isClassAllowed(Till));
});

Deno.test("SecurityOptions.disallowTypes() revokes types that were added, and types allowed by default", () => {
  class Plain {}
  const options = new SecurityOptions().allowBasicTypes().allowTypes(Plain, "money");
  options.disallowTypes("list", "unicode", Plain, "never allowed");
  for (const name of ["list", "unicode", "Plain"]) assertFalse(options.isTypeAllowed(name));
  for (const name of ["tuple", "money"]) assert(options.isTypeAllowed(name));
  assert(defaultSecurity().isTypeAllowed("list"));
});

Deno.test("valueCodec() consults the security options for each value", () => {
  const security = new SecurityOptions().allowBasicTypes();
  const codec = valueCodec({ security });
  const wire = codec.encode(new Set([1]));
  assertEquals(codec.decode(wire), new Set([1]));
  security.disallowTypes("set");
  assertThrows(() => codec.decode(wire), InsecureJelly, "set");
});

Deno.test("decodeValue() applies the security options to keys that the registry has cached", () => {
  const registry = new JellyRegistry();
  const wire = encodeValue({ a: 1, b: 2 });
  for (let i = 0; i < 3; i++) assertEquals(decodeValue(wire, { registry }), { a: 1, b: 2 });
  const security = new SecurityOptions().allowBasicTypes().disallowTypes("unicode");
  assertThrows(() => decodeValue(wire, { registry, security }), InsecureJelly, "unicode");
});
