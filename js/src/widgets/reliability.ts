import { alone, epochSlider } from "../views/controls/alone";
import { mountTemperature } from "../views/controls/temperature";
import { mountReliability } from "../views/reliability";
import { widget } from "./host";

export default widget(alone(mountReliability, epochSlider, mountTemperature));
