/** A link into a handout: `#clsviz=...` behind its address sets the page to a scene. */

import { type SceneJson, sceneIn, setScene } from "../../core/scene";
import type { ViewContext } from "../mount";

/** Whether this page is an exported file: its address is ours, a notebook's is not. */
export const isHandout = () => document.getElementById("payload") !== null;

/** Follows the page's address; `tell` gets what stands in the way of showing the scene as it was. */
export function followFragment({ session, store }: ViewContext, tell: (words: string) => void): () => void {
  if (!isHandout()) return () => {};
  const read = async () => {
    try {
      const scene = await sceneIn(location.hash);
      if (!scene) return;
      setScene(store, scene);
      tell(
        isOfThisRun(scene)
          ? ""
          : "This link was made for another network; its settings are shown on this one.",
      );
    } catch {
      tell("The link does not hold a scene; was all of it copied?");
    }
  };
  const isOfThisRun = (scene: SceneJson) => {
    const key = ({ experiment, turns, instant }: Record<string, unknown>) =>
      JSON.stringify([experiment, turns ?? [], instant ?? false]);
    return session.run?.recipe ? key(scene.run) === key(session.run.recipe) : false;
  };
  void read();
  addEventListener("hashchange", read);
  return () => removeEventListener("hashchange", read);
}
