import { alone, epochSlider, temperatureSlider } from "../views/controls/alone";
import { mountRobustness } from "../views/robustness";
import { widget } from "./host";

export default widget(alone(mountRobustness, epochSlider, temperatureSlider));
