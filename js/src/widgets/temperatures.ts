import { alone, epochSlider } from "../views/controls/alone";
import { mountTemperatures } from "../views/temperatures";
import { widget } from "./host";

export default widget(alone(mountTemperatures, epochSlider));
