import { alone, epochSlider, temperatureSlider } from "../views/controls/alone";
import { mountOod } from "../views/ood";
import { widget } from "./host";

export default widget(alone(mountOod, epochSlider, temperatureSlider));
