import { alone, epochSlider } from "../views/controls/alone";
import { mountTemperature } from "../views/controls/temperature";
import type { Mount } from "../views/mount";
import { mountReliability } from "../views/reliability";
import { useLarge } from "../views/reliability/large/use";
import { widget } from "./host";

const view = alone(mountReliability, epochSlider, mountTemperature);
const large: Mount = (el, context) => view(el, { ...context, large: useLarge });

export default widget(large);
