import { alone, epochSlider, temperatureSlider } from "../views/controls/alone";
import { mountFanStrip } from "../views/fan";
import { widget } from "./host";

export default widget(alone(mountFanStrip, epochSlider, temperatureSlider));
