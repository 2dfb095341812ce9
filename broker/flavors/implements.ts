/**
 * The types of classes that implement an interface that both ends know.
 *
 * @module
 */

import type { IPerspective } from "./avatar.ts";
import type { Referenceable } from "./referenceable.ts";
import type { IsUntyped, MethodPrefix, RemoteMethodName, Settled } from "./types.ts";

/**
 * What a class has to have that implements an interface which the other end knows: each remote
 * method may return its result or a promise of it, whichever the interface says, since the caller
 * gets a promise anyway. The same goes for objects that it returns and that the interface describes
 * by another interface with remote methods.
 *
 * @example
 * ```ts
 * import { connectPair, type Implements, Referenceable, Root } from "@perspective/broker/broker";
 * import { assertEquals } from "@std/assert";
 *
 * interface Account {
 *   remote_balance(): number;
 * }
 * interface Bank {
 *   remote_ping(): number;
 *   remote_account(owner: string): Promise<Account>;
 * }
 * class SavedAccount extends Referenceable implements Implements<Account> {
 *   async remote_balance(): Promise<number> {
 *     return await Promise.resolve(100);
 *   }
 * }
 * class MyBank extends Root implements Implements<Bank> {
 *   async remote_ping(): Promise<number> {
 *     return await Promise.resolve(1);
 *   }
 *   remote_account(_owner: string): SavedAccount {
 *     return new SavedAccount();
 *   }
 * }
 * await using pair = await connectPair(new MyBank());
 * const bank = pair.client.root<Bank>();
 * assertEquals(await bank.callRemote("ping"), 1);
 * const account = await bank.callRemote("account", "alice");
 * assertEquals(await account.callRemote("balance"), 100);
 * ```
 *
 * @typeParam I The interface.
 */
export type Implements<I> = {
  [Key in keyof I]: Key extends `${MethodPrefix<unknown>}${string}` ? ImplementedMethod<I[Key]>
    : I[Key];
};

/** A method that may return its result or a promise of it. */
export type ImplementedMethod<Method> = Method extends (...args: infer Args) => infer Result
  ? (...args: Args) => Implementation<Settled<Result>> | Promise<Implementation<Settled<Result>>>
  : Method;

/** What may be returned as a T: if it is an interface with remote methods, what implements it. */
export type Implementation<T> = IsUntyped<T> extends true ? T
  : T extends Referenceable | IPerspective ? T
  : [RemoteMethodName<T>] extends [never] ? T
  : Implements<T>;
