/** The laboratory: what you drag above what it moves; all views over one store. */

import { isOfModels } from "../core/fan";
import { clearError } from "../core/session";
import { present } from "../core/shown";
import { type Store, scoped } from "../core/store";
import { h } from "../draw/dom";
import { button } from "../draw/knobs";
import { mountBoundary } from "./boundary";
import { mountConfusion } from "./confusion";
import { mountBusy } from "./controls/busy";
import { mountCompare } from "./controls/compare";
import { clearOnEscape } from "./controls/escape";
import { mountExperiment } from "./controls/experiment";
import { mountFan } from "./controls/fan";
import { mountFurther } from "./controls/further";
import { mountLoss } from "./controls/loss";
import { mountSelectBy } from "./controls/selectby";
import { mountTemperature } from "./controls/temperature";
import { mountTimeline } from "./controls/timeline";
import { mountExplanation } from "./explanation";
import { mountFanStrip } from "./fan";
import { guarded } from "./guarded";
import { mountInspector } from "./inspector";
import { mountLandscape } from "./landscape";
import { mountLossView } from "./loss";
import { mountMore } from "./more";
import type { Mount } from "./mount";
import { mountMultiplicity } from "./multiplicity";
import { mountOod } from "./ood";
import { mountPrototypes } from "./prototypes";
import { mountReliability } from "./reliability";
import { mountRobustness } from "./robustness";
import { copyScene } from "./scenes/copy";
import { followFragment } from "./scenes/fragment";
import { followLesson } from "./scenes/lesson";
import { projector } from "./scenes/projector";
import { mountQuestions } from "./scenes/questions";
import { mountSequence } from "./scenes/sequence";
import { mountTemperatures } from "./temperatures";
import { mountTilt } from "./tilt";

const VIEWS: [name: string, mount: Mount][] = [
  ["reliability", mountReliability],
  ["boundary", mountBoundary],
  ["landscape", mountLandscape],
  ["loss", mountLossView],
  ["prototypes", mountPrototypes],
  ["fan", mountFanStrip],
  ["confusion", mountConfusion],
  ["inspector", mountInspector],
];
/** Views that a button opens (clsviz/widgets/staging.py, MORE); a name has no underscore. */
const MORE: [name: string, title: string, mount: Mount][] = [
  ["multiplicity", "Multiplicity", mountMultiplicity],
  ["ood", "In or out of distribution", mountOod],
  ["temperatures", "Temperature of each sample", mountTemperatures],
  ["robustness", "Margins and attacks", mountRobustness],
  ["explanation", "Explain one sample", mountExplanation],
  ["tilt", "Tilt", mountTilt],
];
const HINT_CLOSED = "clsviz:hint-closed";

export const mountLab: Mount = (el, { session, store }) => {
  const root = h("div", { class: "clsviz-lab", "data-view": "lab" });
  el.append(root);
  let aboutLink = ""; // what is wrong with the link that opened this page
  const pin = button("Pin to compare", () => {
    const here = present(session, store);
    const temperature = store.get<number | null>("temperature") ?? 1;
    const state = here && { step: here.snapshot.step, member: here.member, temperature };
    store.set("pinned", store.get("pinned") ? null : state);
  });
  const onProjector = button("Projector", () => big.set(!store.get<boolean | null>("projector")), {
    title: "Large type, two views on stage",
  });
  const copy = copyScene({ session, store });
  pin.dataset.control = "pin_to_compare";
  onProjector.dataset.control = "projector";
  copy.button.dataset.control = "copy_scene";
  const bar = h("div", { class: "clsviz-bar" }, h("h2", {}, "Classifier lab"));
  const experiment = h("div", { class: "clsviz-experiment" });
  bar.append(experiment, h("div", { class: "clsviz-row clsviz-right" }, pin, copy.button, onProjector));
  const timeline = h("div", { style: "position: relative", "data-part": "timeline" });
  const heroes = h("div", { class: "clsviz-heroes" });
  const notice = h("div", { class: "clsviz-banner", role: "alert", hidden: true });
  const views = h("div", { class: "clsviz-views" });
  const selecting = h("div", { "data-control": "select_by" });
  const fan = h("div", { "data-control": "fan" });
  const compared = h("div", {});
  const walked = h("span", {});
  const questions = h("div", { class: "clsviz-questions" });
  const big = projector(root, views, store);
  const scenes = mountSequence(root, { session, store });
  root.append(
    scenes.el,
    bar,
    copy.field,
    timeline,
    fan,
    heroes,
    hint(walked),
    notice,
    questions,
    compared,
    selecting,
    views,
  );

  const part = () => h("div", { class: "clsviz-part" });
  const [temperature, loss] = [part(), part()];
  temperature.dataset.control = "temperature";
  loss.dataset.control = "loss";
  heroes.append(temperature, loss);
  const stops = [
    guarded("Experiment", mountExperiment)(experiment, { session, store }),
    guarded("More settings", mountFurther)(experiment, { session, store }),
    guarded("Timeline", mountTimeline)(timeline, { session, store }),
    guarded("Fan", mountFan)(fan, { session, store }),
    guarded("Comparison", mountCompare)(compared, { session, store }),
    guarded("Temperature", mountTemperature)(temperature, { session, store }),
    guarded("Loss", mountLoss)(loss, { session, store }),
    mountSelectBy(selecting, { session, store }),
    mountBusy(timeline, { session, store }),
    clearOnEscape(root, store),
    scenes.stop,
    copy.dispose,
    big.stop,
  ];
  const boxes = new Map<string, HTMLElement>();
  const slot = (name: string) => {
    const box = h("div", { class: "clsviz-slot", "data-slot": name });
    boxes.set(name, box);
    return box;
  };
  const open = (name: string, mount: Mount, box: HTMLElement) => {
    const stop = guarded(name, mount)(box, { session, store: scoped(store, name) });
    box.append(
      button(
        `${box.querySelector("h3")?.textContent ?? name} to stage`,
        () => {
          const stage = store.get<string[] | null>("stage") ?? [];
          store.set("stage", [...stage.filter((other) => other !== name).slice(-1), name]);
        },
        { class: "clsviz-small clsviz-to-stage" },
      ),
    );
    return stop;
  };
  for (const [name, mount] of VIEWS) {
    const box = slot(name);
    views.append(box);
    stops.push(open(name, mount, box));
  }
  const further = MORE.map(([name, title, mount]) => {
    const box = slot(name);
    return { name, title, box, open: () => open(name, mount, box) };
  });
  const more = mountMore(further, store);
  views.append(more.el, ...further.map(({ box }) => box));
  stops.push(
    more.stop,
    followLesson(root, views, boxes, more, { session, store }),
    mountQuestions(root, questions, boxes, { session, store }),
    followFragment({ session, store }, (words) => {
      aboutLink = words;
      showState();
    }),
  );

  const showFan = () => {
    views.classList.toggle("clsviz-with-fan", session.fan !== null);
    walked.textContent = isOfModels(session.fan) ? "models" : "epochs";
  };
  showFan();

  const showState = () => {
    onProjector.setAttribute("aria-pressed", String(store.get<boolean | null>("projector") === true));
    const pinned = store.get("pinned");
    pin.textContent = pinned ? "Unpin" : "Pin to compare";
    pin.setAttribute("aria-pressed", String(Boolean(pinned)));
    showBanner(notice, session, store, aboutLink);
  };
  stops.push(
    store.on(["pinned", "projector"], showState),
    session.on(["run", "error", "alive", "snapshots"], showState),
    session.on(["fan"], showFan),
  );
  showState();
  return () => {
    for (const stop of stops) stop();
    root.remove();
  };
};

/** What went wrong, and the ways on; the views below keep their last good picture. */
function showBanner(
  el: HTMLElement,
  session: Parameters<Mount>[1]["session"],
  store: Store,
  aboutLink: string,
): void {
  const run = session.run;
  const go = (name: string, act: () => void) => button(name, act);
  const last = session.snapshots[session.snapshots.length - 1];
  let parts: (Node | string)[] = [];
  let tone = "warn";
  if (aboutLink) {
    parts = [aboutLink];
  } else if (!session.alive && run?.state !== "static") {
    parts = [
      h("b", {}, "Kernel is gone. "),
      "Training has stopped. Temperature, bins, epoch, tilt and landscape still answer: they live in this page. Run the cell again to train on.",
    ];
  } else if (run?.state === "diverged") {
    parts = [
      h("b", {}, "Training diverged. "),
      `${run.message}. Everything before is kept. `,
      go(`Go to epoch ${last ? Number(last.epoch.toFixed(1)) : 0}`, () => store.set("step", null)),
      go("Retry with a tenth of the learning rate", () => {
        const lr = Number(
          (run.experiment as { optimizer?: { params?: { lr?: number } } })?.optimizer?.params?.lr ?? 0.05,
        );
        session.send({ kind: "change", changes: { "optimizer.lr": lr / 10 } });
        session.send({ kind: "command", name: "reset" });
        session.send({ kind: "command", name: "train" });
      }),
    ];
  } else if (run?.state === "failed") {
    tone = "error";
    parts = [h("b", {}, "Training failed. "), run.message];
  } else if (session.error) {
    tone = "error";
    parts = [
      h("b", {}, `${session.error.where}: `),
      session.error.message,
      " ",
      go("Close", () => {
        clearError(session);
      }),
    ];
  }
  el.hidden = parts.length === 0;
  el.className = `clsviz-banner clsviz-${tone}`;
  el.replaceChildren(...parts);
}

/** What to try first; `walked`: what there is to walk through besides the landscape. */
function hint(walked: HTMLElement): HTMLElement {
  const box = h(
    "p",
    { class: "clsviz-hint" },
    h("b", {}, "Start here: "),
    h(
      "span",
      {},
      "drag Temperature until the hatched gaps close. Then walk through the ",
      walked,
      ", and point at the landscape: the other views follow.",
    ),
    button(
      "✕",
      () => {
        box.hidden = true;
        try {
          localStorage.setItem(HINT_CLOSED, "1");
        } catch {
          // a page without storage shows the hint again next time
        }
      },
      { "aria-label": "Close this hint" },
    ),
  );
  try {
    box.hidden = localStorage.getItem(HINT_CLOSED) === "1";
  } catch {
    // no storage: the hint stays
  }
  return box;
}
