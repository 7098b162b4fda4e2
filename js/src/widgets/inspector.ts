import { alone, epochSlider, temperatureSlider } from "../views/controls/alone";
import { mountInspector } from "../views/inspector";
import { widget } from "./host";

export default widget(alone(mountInspector, epochSlider, temperatureSlider));
