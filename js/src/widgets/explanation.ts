import { alone, epochSlider, temperatureSlider } from "../views/controls/alone";
import { mountExplanation } from "../views/explanation";
import { widget } from "./host";

export default widget(alone(mountExplanation, epochSlider, temperatureSlider));
